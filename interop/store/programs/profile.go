package programs

import (
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
)

// StartProfile begins to write a profile of this process's processor time to the
// file at path, for `go tool pprof`, and returns what ends it. Without a path there
// is none.
func StartProfile(path string) (end func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("profile: %w", err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// Profile has the program write a profile of its processor time to the file at
// path, from its start to its end. It is for our own server, and comes before Start.
func (p *Program) Profile(path string) {
	p.environ = append(p.environ, profileVariable+"="+path)
}
