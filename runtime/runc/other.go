//go:build !linux

package runc

import (
	"context"

	"github.com/coracle-k8s/coracle/runtime"
)

// A Runtime runs containers with runc. There is none on this system: [New] fails.
type Runtime struct{ runtime.Runtime }

// New returns [ErrNeedsLinux].
func New(Config) (*Runtime, error) { return nil, ErrNeedsLinux }

// Purge removes what the runtime left.
func (*Runtime) Purge(context.Context) error { return ErrNeedsLinux }

// Purge returns [ErrNeedsLinux].
func Purge(context.Context, Config) error { return ErrNeedsLinux }

// ShimMain does nothing on this system.
func ShimMain() {}
