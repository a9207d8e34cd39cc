//go:build !linux

package netns

import (
	"context"
	"errors"
	"fmt"
	"net"
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

// Listen needs Linux unless path is empty.
func Listen(path, network, address string) (l net.Listener, err error) {
	err = Do(path, func() error {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// ListenPacket needs Linux unless path is empty.
func ListenPacket(path, network, address string) (c net.PacketConn, err error) {
	err = Do(path, func() error {
		c, err = net.ListenPacket(network, address)
		return err
	})
	return c, err
}

// Dialer needs Linux unless path is empty.
func Dialer(path string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		if err := numeric(address); err != nil {
			return nil, err
		}
		err = Do(path, func() error {
			var d net.Dialer
			conn, err = d.DialContext(ctx, network, address)
			return err
		})
		return conn, err
	}
}
