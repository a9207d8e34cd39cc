package runtime

import "fmt"

// An ExitError is the end of a process with an exit code other than zero.
type ExitError struct {
	Code int
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("command terminated with exit code %d", e.Code)
}
