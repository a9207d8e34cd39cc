//go:build !linux

package netns

import (
	"errors"
	"fmt"
)

var errLinux = fmt.Errorf("network namespaces need Linux: %w", errors.ErrUnsupported)

// Create needs Linux.
func Create(string) error { return errLinux }

// Remove needs Linux.
func Remove(string) error { return errLinux }

// Do calls f where path is empty; anything else needs Linux.
func Do(path string, f func() error) error {
	if path == "" {
		return f()
	}
	return errLinux
}
