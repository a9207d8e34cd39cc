package fabric

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// cable makes a veth pair: one end here, the other in the namespace at farNS.
// A pair that is already there stays.
func cable(near, far, farNS string) error {
	if _, err := netlink.LinkByName(near); err == nil {
		return nil
	}
	ns, err := os.Open(farNS)
	if err != nil {
		return err
	}
	defer ns.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = near
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: far, PeerNamespace: netlink.NsFd(int(ns.Fd()))}
	if err := netlink.LinkAdd(pair); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add veth pair %s: %w", near, err)
	}
	return nil
}

// enslave makes a link a port of the switch.
func enslave(port string) error {
	link, err := netlink.LinkByName(port)
	if err != nil {
		return fmt.Errorf("find link %s: %w", port, err)
	}
	bridge, err := netlink.LinkByName(switchLink)
	if err != nil {
		return fmt.Errorf("find link %s: %w", switchLink, err)
	}
	if err := netlink.LinkSetMaster(link, bridge); err != nil {
		return fmt.Errorf("attach %s to switch: %w", port, err)
	}
	return netlink.LinkSetUp(link)
}

// up gives a link an address and brings it up.
func up(name string, addr netip.Addr, bits int) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	ipNet := &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(bits, addr.BitLen())}
	if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: ipNet}); err != nil {
		return fmt.Errorf("add address %s to %s: %w", ipNet, name, err)
	}
	return netlink.LinkSetUp(link)
}

// route sends what is for dst through the neighbour via.
func route(dst netip.Prefix, via netip.Addr) error {
	r := &netlink.Route{Gw: via.AsSlice()}
	if dst.Bits() > 0 {
		r.Dst = &net.IPNet{IP: dst.Addr().AsSlice(), Mask: net.CIDRMask(dst.Bits(), dst.Addr().BitLen())}
	}
	if err := netlink.RouteReplace(r); err != nil {
		return fmt.Errorf("add route %s via %s: %w", dst, via, err)
	}
	return nil
}
