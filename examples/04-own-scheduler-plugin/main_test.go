package main

func Example() {
	main()
	// Output:
	// placed on different nodes: true
	// refused: 0/2 nodes are available: 2 node(s) had a noisy pod already.
}
