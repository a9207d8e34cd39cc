//go:build !linux

package fabric

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// A Fabric needs Linux.
type Fabric struct{}

var errLinux = fmt.Errorf("nodes with networks of their own need Linux: %w", errors.ErrUnsupported)

// Open needs Linux.
func Open(Config) (*Fabric, error) { return nil, errLinux }

// Purge has nothing to remove.
func Purge(Config) error { return nil }

// Gateway needs Linux.
func (*Fabric) Gateway() netip.Addr { return netip.Addr{} }

// NS needs Linux.
func (*Fabric) NS() string { return "" }

// Dial needs Linux.
func (*Fabric) Dial(context.Context, string, string) (net.Conn, error) { return nil, errLinux }

// AddNode needs Linux.
func (*Fabric) AddNode(string, int, netip.Prefix) (Node, error) { return Node{}, errLinux }

// Close does nothing.
func (*Fabric) Close() error { return nil }
