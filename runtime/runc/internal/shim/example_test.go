//go:build linux

package shim_test

import (
	"fmt"
	"os"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
)

// A process is known by its number and the time it started, so that it is never
// taken for a later one with the same number.
func Example() {
	p, err := shim.Find(os.Getpid())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p == shim.Self(), shim.Running())
	// Output: true false
}
