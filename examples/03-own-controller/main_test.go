package main

func Example() {
	main()
	// Output:
	// ADDED service web 8080
	// DELETED service web 8080
	// ADDED service web 8080
}
