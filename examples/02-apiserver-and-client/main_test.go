package main

func Example() {
	main()
	// Output:
	// patched to green
	// conflict: true
	// invalid: true
	// ADDED settings red
	// MODIFIED settings green
}
