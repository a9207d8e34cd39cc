package goroutine_test

import (
	"testing"
	"testing/synctest"

	"github.com/coracle-k8s/coracle/runtime/goroutine/goroutinetest"
	"github.com/coracle-k8s/coracle/runtime/runtimetest"
)

func TestRuntime(t *testing.T) {
	runtimetest.Run(t, goroutinetest.Target)
}

// In a bubble no real time passes, and a goroutine that outlives its runtime
// fails the test.
func TestRuntime_InBubble(t *testing.T) {
	for _, name := range runtimetest.Cases() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runtimetest.RunCase(t, name, goroutinetest.Target(t))
			})
		})
	}
}
