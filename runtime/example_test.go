package runtime_test

import (
	"errors"
	"fmt"

	"github.com/coracle-k8s/coracle/runtime"
)

// A command that ran and failed is told from one that did not run.
func Example() {
	err := fmt.Errorf("probe: %w", &runtime.ExitError{Code: 3})
	if exit, ok := errors.AsType[*runtime.ExitError](err); ok {
		fmt.Println(exit.Code, exit)
	}
	// Output: 3 command terminated with exit code 3
}
