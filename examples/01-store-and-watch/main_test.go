package main

func Example() {
	main()
	// Output:
	// created at revision 2, updated at 3
	// an update of revision 2 is a conflict: true
	// revision 4: created /pods/db
	// revision 5: deleted /pods/web
}
