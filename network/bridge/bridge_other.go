//go:build !linux

package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// A Bridge needs Linux.
type Bridge struct{}

var errLinux = fmt.Errorf("the bridge network needs Linux: %w", errors.ErrUnsupported)

// New needs Linux.
func New(Config) (*Bridge, error) { return nil, errLinux }

// Gateway needs Linux.
func (*Bridge) Gateway() netip.Addr { return netip.Addr{} }

// Setup needs Linux.
func (*Bridge) Setup(context.Context, string, string) (netip.Addr, error) {
	return netip.Addr{}, errLinux
}

// Teardown needs Linux.
func (*Bridge) Teardown(context.Context, string) error { return errLinux }

// Remove needs Linux.
func (*Bridge) Remove() error { return errLinux }
