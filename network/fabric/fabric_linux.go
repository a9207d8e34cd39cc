package fabric

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/coracle-k8s/coracle/network/netns"
)

const switchLink = "switch"

// A Fabric is the network between the nodes. It is safe for concurrent use.
type Fabric struct {
	cfg Config

	mu    sync.Mutex // guards nodes and the making of links
	nodes map[string]Node
}

// Open makes the switch, or takes over the one that an earlier process left
// under the same directory.
func Open(cfg Config) (*Fabric, error) {
	if !cfg.Nodes.IsValid() {
		cfg.Nodes = DefaultNodes
	}
	f := &Fabric{cfg: cfg, nodes: map[string]Node{}}
	if err := ensureNS(cfg.switchNS()); err != nil {
		return nil, err
	}
	if err := netns.Do(cfg.switchNS(), f.ensureSwitch); err != nil {
		return nil, fmt.Errorf("fabric switch: %w", err)
	}
	if cfg.Uplink != "" {
		if err := f.ensureUplink(); err != nil {
			return nil, fmt.Errorf("fabric uplink %s: %w", cfg.Uplink, err)
		}
	}
	return f, nil
}

// Gateway is the address of the switch, which every node can reach.
func (f *Fabric) Gateway() netip.Addr { return f.cfg.Gateway() }

// NS is the path of the namespace the switch is in.
func (f *Fabric) NS() string { return f.cfg.switchNS() }

// Dial connects from the switch to any node, pod or, through a node, Service.
func (f *Fabric) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return netns.Dialer(f.NS())(ctx, network, address)
}

// AddNode makes the node's namespace with its link to the switch, or takes
// over what is there, and routes pods to it. index, from 1, decides its address.
func (f *Fabric) AddNode(name string, index int, pods netip.Prefix) (Node, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ip := f.cfg.Nodes.Addr()
	for range 10 + index {
		ip = ip.Next()
	}
	if index < 1 || !f.cfg.Nodes.Contains(ip.Next()) {
		return Node{}, fmt.Errorf("add node %s: range %s has no address for node %d", name, f.cfg.Nodes, index)
	}
	node := Node{Name: name, NS: f.cfg.nodeNS(name), IP: ip, PodCIDR: pods}
	if err := f.connect(node, fmt.Sprintf("node%d", index)); err != nil {
		return Node{}, fmt.Errorf("add node %s: %w", name, err)
	}
	f.nodes[name] = node
	return node, nil
}

// Close removes every namespace under the fabric's directory, and the uplink.
func (f *Fabric) Close() error { return Purge(f.cfg) }

// Purge removes what a fabric left, also one of a process that died.
func Purge(cfg Config) error {
	var errs []error
	if cfg.Uplink != "" {
		errs = append(errs, removeUplink(cfg.Uplink), cfg.unforward())
	}
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, e := range entries {
		errs = append(errs, netns.Remove(filepath.Join(cfg.Dir, e.Name())))
	}
	return errors.Join(errs...)
}

func ensureNS(path string) error {
	err := netns.Create(path)
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	// The file is there: a namespace, or what a reboot left of one.
	if netns.Do(path, func() error { return nil }) == nil {
		return nil
	}
	if err := netns.Remove(path); err != nil {
		return err
	}
	return netns.Create(path)
}

// ensureSwitch runs in the switch's namespace.
func (f *Fabric) ensureSwitch() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = switchLink
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add bridge: %w", err)
	}
	if err := up(switchLink, f.Gateway(), f.cfg.Nodes.Bits()); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

// connect gives the node its link and everybody the routes.
func (f *Fabric) connect(node Node, port string) error {
	if err := ensureNS(node.NS); err != nil {
		return err
	}
	err := netns.Do(f.NS(), func() error {
		if err := cable(port, "eth0", node.NS); err != nil {
			return err
		}
		if err := enslave(port); err != nil {
			return err
		}
		return route(node.PodCIDR, node.IP)
	})
	if err != nil {
		return err
	}
	err = netns.Do(node.NS, func() error {
		if err := up("eth0", node.IP, f.cfg.Nodes.Bits()); err != nil {
			return err
		}
		if err := route(netip.PrefixFrom(netip.IPv4Unspecified(), 0), f.Gateway()); err != nil {
			return err
		}
		for _, other := range f.nodes {
			if other.Name == node.Name {
				continue
			}
			if err := route(other.PodCIDR, other.IP); err != nil {
				return err
			}
		}
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
	})
	if err != nil {
		return err
	}
	for _, other := range f.nodes {
		if other.Name == node.Name {
			continue
		}
		if err := netns.Do(other.NS, func() error { return route(node.PodCIDR, node.IP) }); err != nil {
			return err
		}
	}
	return nil
}
