package nftables

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// forget removes the kernel's memory of UDP flows to the given addresses that
// go elsewhere than they may.
func forget(stale udpPorts) error {
	if len(stale) == 0 {
		return nil
	}
	if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, stale); err != nil {
		return fmt.Errorf("forget UDP flows: %w", err)
	}
	return nil
}

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (u udpPorts) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if flow.Forward.Protocol != unix.IPPROTO_UDP {
		return false
	}
	to := addrPort(flow.Forward.DstIP, flow.Forward.DstPort)
	allowed, ok := u[to]
	if !ok {
		// A node port: whatever address of the node it was sent to.
		allowed, ok = u[netip.AddrPortFrom(netip.IPv4Unspecified(), to.Port())]
	}
	return ok && !slices.Contains(allowed, addrPort(flow.Reverse.SrcIP, flow.Reverse.SrcPort))
}

func addrPort(ip net.IP, port uint16) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr.Unmap(), port)
}
