package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/coracle-k8s/coracle/network/ipam"
	"github.com/coracle-k8s/coracle/network/netns"
)

// A Bridge is the pod network of one node. It is safe for concurrent use.
type Bridge struct {
	cfg  Config
	pool *ipam.Pool
}

// New makes the bridge in the node's namespace, or takes over the one that is
// there, with the first address of the pod range as the pods' gateway.
func New(cfg Config) (*Bridge, error) {
	if cfg.Name == "" {
		cfg.Name = "coracle0"
	}
	pool, err := ipam.Open(cfg.Dir, cfg.PodCIDR)
	if err != nil {
		return nil, err
	}
	b := &Bridge{cfg: cfg, pool: pool}
	if err := netns.Do(cfg.NodeNS, b.ensure); err != nil {
		return nil, fmt.Errorf("bridge %s: %w", cfg.Name, err)
	}
	return b, nil
}

// Gateway is the node's own address on the bridge.
func (b *Bridge) Gateway() netip.Addr { return b.pool.Gateway() }

// Setup gives the sandbox's namespace, held at podNS, an eth0 with an address,
// and returns that. Doing so again returns the same address.
func (b *Bridge) Setup(_ context.Context, podNS, sandboxID string) (netip.Addr, error) {
	addr, err := b.pool.Allocate(sandboxID)
	if err != nil {
		return netip.Addr{}, err
	}
	err = netns.Do(b.cfg.NodeNS, func() error { return b.plug(podNS, sandboxID) })
	if err == nil {
		err = netns.Do(podNS, func() error { return b.configure(addr) })
	}
	if err != nil {
		return netip.Addr{}, fmt.Errorf("connect sandbox %s: %w", sandboxID, err)
	}
	return addr, nil
}

// Teardown disconnects the sandbox and releases its address. The sandbox's
// namespace need not exist any more; an unknown sandbox is no error.
func (b *Bridge) Teardown(_ context.Context, sandboxID string) error {
	err := netns.Do(b.cfg.NodeNS, func() error {
		port, err := netlink.LinkByName(portName(sandboxID))
		if err != nil {
			return ignoreMissing(err)
		}
		return ignoreMissing(netlink.LinkDel(port))
	})
	if errors.Is(err, os.ErrNotExist) {
		err = nil // The whole node's namespace is gone, and the port with it.
	}
	if err := errors.Join(err, b.pool.Release(sandboxID)); err != nil {
		return fmt.Errorf("disconnect sandbox %s: %w", sandboxID, err)
	}
	return nil
}

// Remove takes the bridge away, for when the node is one no more. Its pods must
// be gone.
func (b *Bridge) Remove() error {
	err := netns.Do(b.cfg.NodeNS, func() error {
		link, err := netlink.LinkByName(b.cfg.Name)
		if err != nil {
			return ignoreMissing(err)
		}
		return ignoreMissing(netlink.LinkDel(link))
	})
	if err != nil {
		return fmt.Errorf("remove bridge %s: %w", b.cfg.Name, err)
	}
	return nil
}

// ensure makes the bridge. It runs in the node's namespace.
func (b *Bridge) ensure() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = b.cfg.Name
	attrs.MTU = b.cfg.MTU
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add link: %w", err)
	}
	link, err := netlink.LinkByName(b.cfg.Name)
	if err != nil {
		return err
	}
	gateway := netlink.Addr{IPNet: ipNet(b.pool.Gateway(), b.cfg.PodCIDR.Bits())}
	if err := netlink.AddrReplace(link, &gateway); err != nil {
		return fmt.Errorf("add address %s: %w", gateway.IPNet, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	return sysctl(map[string]string{
		// Without forwarding the node would drop what pods send through it.
		"ip_forward": "1",
		// The node must not tell pods that they could reach each other directly.
		"conf/all/send_redirects":                "0",
		"conf/" + b.cfg.Name + "/send_redirects": "0",
	})
}

// sysctl sets IPv4 settings of the thread's network namespace.
func sysctl(settings map[string]string) error {
	for name, value := range settings {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0o644); err != nil {
			return fmt.Errorf("sysctl %s: %w", name, err)
		}
	}
	return nil
}

// plug puts a cable between the bridge and the pod. It runs in the node's
// namespace; the kernel puts the far end straight into the pod's.
func (b *Bridge) plug(podNS, sandboxID string) error {
	name := portName(sandboxID)
	if port, err := netlink.LinkByName(name); err == nil {
		return b.attach(port)
	}
	pod, err := os.Open(podNS)
	if err != nil {
		return err
	}
	defer pod.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	attrs.MTU = b.cfg.MTU
	cable := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(pod.Fd()))}
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("add veth pair %s: %w", name, err)
	}
	return b.attach(cable)
}

// attach makes a link a port of the bridge. A pod may reach itself through a
// Service, so a packet may leave by the port it came from: hairpin.
func (b *Bridge) attach(port netlink.Link) error {
	bridge, err := netlink.LinkByName(b.cfg.Name)
	if err != nil {
		return fmt.Errorf("find bridge %s: %w", b.cfg.Name, err)
	}
	if err := netlink.LinkSetMaster(port, bridge); err != nil {
		return fmt.Errorf("attach to bridge: %w", err)
	}
	if err := netlink.LinkSetHairpin(port, true); err != nil {
		return fmt.Errorf("set hairpin: %w", err)
	}
	return netlink.LinkSetUp(port)
}

// configure addresses the pod's end. It runs in the pod's namespace.
//
// The address is a /32, so the pod sends everything to its gateway, also what is
// for a neighbour on the same bridge. Only so does the answer to a connection
// made through a Service pass the node, which must translate its source back:
// over the bridge alone it would arrive from an address nobody had called.
func (b *Bridge) configure(addr netip.Addr) error {
	eth0, err := netlink.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("find eth0: %w", err)
	}
	if err := netlink.AddrReplace(eth0, &netlink.Addr{IPNet: ipNet(addr, addr.BitLen())}); err != nil {
		return fmt.Errorf("add address %s: %w", addr, err)
	}
	if err := netlink.LinkSetUp(eth0); err != nil {
		return err
	}
	gateway := b.pool.Gateway()
	index := eth0.Attrs().Index
	if err := netlink.RouteReplace(&netlink.Route{
		LinkIndex: index, Dst: ipNet(gateway, gateway.BitLen()), Scope: netlink.SCOPE_LINK,
	}); err != nil {
		return fmt.Errorf("add route to gateway: %w", err)
	}
	return netlink.RouteReplace(&netlink.Route{LinkIndex: index, Gw: gateway.AsSlice()})
}

func ipNet(addr netip.Addr, bits int) *net.IPNet {
	return &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(bits, addr.BitLen())}
}

func ignoreMissing(err error) error {
	if _, missing := errors.AsType[netlink.LinkNotFoundError](err); missing || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}
