package netns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// Listen is [net.Listen] inside the namespace held at path.
func Listen(path, network, address string) (l net.Listener, err error) {
	err = Do(path, func() error {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// ListenPacket is [net.ListenPacket] inside the namespace held at path.
func ListenPacket(path, network, address string) (c net.PacketConn, err error) {
	err = Do(path, func() error {
		c, err = net.ListenPacket(network, address)
		return err
	})
	return c, err
}

// Dialer returns a dial function that connects from inside the namespace held
// at path. The address must be numeric: names are not looked up inside.
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

// numeric refuses an address that would need a name look-up, which happens on
// other threads and so in another namespace.
func numeric(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("dial in a network namespace: %w", err)
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return fmt.Errorf("dial in a network namespace: %q is not an IP address", host)
	}
	return nil
}
