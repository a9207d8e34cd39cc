package main

func Example() {
	main()
	// Output:
	// CONTAINER_EXITED with 7
	// log: stdout F Good morning, world! I am at 10.0.0.2.
}
