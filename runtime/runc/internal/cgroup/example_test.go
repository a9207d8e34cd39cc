//go:build linux

package cgroup_test

import (
	"fmt"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/cgroup"
)

// A machine has one layout, and a group that nobody made is in none of it.
func Example() {
	layout, err := cgroup.Detect()
	if err != nil {
		fmt.Println(false) // no control groups here
		return
	}
	fmt.Println(layout.Exists("/no/such/group"))
	// Output: false
}
