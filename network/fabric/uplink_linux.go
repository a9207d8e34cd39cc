package fabric

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"sigs.k8s.io/knftables"

	"github.com/coracle-k8s/coracle/network/netns"
)

// The two ends of the uplink, in a range set aside for links between
// neighbours (RFC 3927).
var (
	machineEnd = netip.MustParseAddr("169.254.243.1")
	fabricEnd  = netip.MustParseAddr("169.254.243.2")
)

const uplinkBits = 30

// ensureUplink joins the switch to the machine's own network.
func (f *Fabric) ensureUplink() error {
	ranges := append([]netip.Prefix{f.cfg.Nodes}, f.cfg.Routed...)
	if err := f.notTaken(ranges); err != nil {
		return err
	}
	if err := cable(f.cfg.Uplink, "uplink", f.NS()); err != nil {
		return err
	}
	if err := up(f.cfg.Uplink, machineEnd, uplinkBits); err != nil {
		return err
	}
	err := netns.Do(f.NS(), func() error {
		if err := up("uplink", fabricEnd, uplinkBits); err != nil {
			return err
		}
		return route(netip.PrefixFrom(netip.IPv4Unspecified(), 0), machineEnd)
	})
	if err != nil {
		return err
	}
	for _, dst := range ranges {
		if err := route(dst, fabricEnd); err != nil {
			return err
		}
	}
	if err := f.cfg.forward(); err != nil {
		return err
	}
	return f.masquerade()
}

// notTaken makes sure that the machine has no other use for our addresses.
func (f *Fabric) notTaken(ranges []netip.Prefix) error {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, r := range routes {
		if r.Dst == nil {
			continue
		}
		bits, _ := r.Dst.Mask.Size()
		ip, _ := netip.AddrFromSlice(r.Dst.IP)
		taken := netip.PrefixFrom(ip.Unmap(), bits)
		link, err := netlink.LinkByIndex(r.LinkIndex)
		if err != nil || link.Attrs().Name == f.cfg.Uplink || bits == 0 {
			continue
		}
		for _, ours := range ranges {
			if ours.Overlaps(taken) {
				return fmt.Errorf("%w: %s is reached through link %s already", ErrTaken, taken, link.Attrs().Name)
			}
		}
	}
	return nil
}

const forwarding = "/proc/sys/net/ipv4/ip_forward"

// wasOff is the file that says the machine did not forward before we came.
func (c Config) wasOff() string { return filepath.Join(c.Dir, "machine-did-not-forward") }

// forward makes the machine pass packets on, and remembers if it did not.
func (c Config) forward() error {
	before, err := os.ReadFile(forwarding)
	if err != nil || strings.TrimSpace(string(before)) == "1" {
		return err
	}
	if err := os.WriteFile(c.wasOff(), nil, 0o644); err != nil {
		return err
	}
	return os.WriteFile(forwarding, []byte("1"), 0o644)
}

// unforward undoes what forward changed.
func (c Config) unforward() error {
	if _, err := os.Stat(c.wasOff()); err != nil {
		return nil
	}
	return errors.Join(os.WriteFile(forwarding, []byte("0"), 0o644), os.Remove(c.wasOff()))
}

// masquerade lets what comes from the fabric leave the machine under the
// machine's own address. The rules are in a table named like the uplink.
func (f *Fabric) masquerade() error {
	nft, err := knftables.New(knftables.IPv4Family, f.cfg.Uplink)
	if err != nil {
		return fmt.Errorf("nft (install the nftables package): %w", err)
	}
	tx := nft.NewTransaction()
	tx.Add(&knftables.Table{})
	tx.Flush(&knftables.Table{})
	tx.Add(&knftables.Chain{
		Name:     "postrouting",
		Type:     knftables.PtrTo(knftables.NATType),
		Hook:     knftables.PtrTo(knftables.PostroutingHook),
		Priority: knftables.PtrTo(knftables.SNATPriority),
	})
	for _, src := range append([]netip.Prefix{f.cfg.Nodes}, f.cfg.Routed...) {
		tx.Add(&knftables.Rule{Chain: "postrouting", Rule: knftables.Concat(
			"ip saddr", src.String(), "oifname !=", f.cfg.Uplink, "masquerade")})
	}
	return nft.Run(context.Background(), tx)
}

// removeUplink takes the machine's end away; its routes go with it.
func removeUplink(name string) error {
	var errs []error
	if link, err := netlink.LinkByName(name); err == nil {
		if err := netlink.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, fmt.Errorf("remove uplink %s: %w", name, err))
		}
	}
	if nft, err := knftables.New(knftables.IPv4Family, name); err == nil {
		tx := nft.NewTransaction()
		tx.Add(&knftables.Table{}) // Deleting needs it to be there.
		tx.Delete(&knftables.Table{})
		errs = append(errs, nft.Run(context.Background(), tx))
	}
	return errors.Join(errs...)
}
