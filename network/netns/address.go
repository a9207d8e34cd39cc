package netns

import (
	"fmt"
	"net"
	"net/netip"
)

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
