package runtimetest_test

import (
	"fmt"

	"github.com/coracle-k8s/coracle/runtime/runtimetest"
)

// The command lines of an image that has the guest program at /guest. A test
// gives them to Run, as the package comment shows.
func Example() {
	commands := runtimetest.GuestCommands("/guest")
	fmt.Println(commands.Sleep)
	fmt.Println(commands.Exit(42))
	fmt.Println(commands.Serve(8080))
	fmt.Println(runtimetest.Cases()[:2])
	// Output:
	// [/guest sleep]
	// [/guest exit 42]
	// [/guest serve 8080]
	// [status sandbox lifecycle]
}
