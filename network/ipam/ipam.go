package ipam

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// ErrExhausted says that every address of the range is taken.
var ErrExhausted = errors.New("no free address in range")

const lastFile = "last"

// A Pool is the range of one node.
type Pool struct {
	dir    string
	prefix netip.Prefix
}

// Open returns the pool of an IPv4 range whose allocations are kept in dir,
// which is made if needed. The range must hold at least two usable addresses.
func Open(dir string, prefix netip.Prefix) (*Pool, error) {
	prefix = prefix.Masked()
	if !prefix.Addr().Is4() || prefix.Bits() > 29 {
		return nil, fmt.Errorf("address range %s: want IPv4 with a prefix of /29 or wider", prefix)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("address range %s: %w", prefix, err)
	}
	return &Pool{dir: dir, prefix: prefix}, nil
}

// Gateway is the address that the node itself has in the range: the first.
func (p *Pool) Gateway() netip.Addr { return p.prefix.Addr().Next() }

// Prefix is the whole range.
func (p *Pool) Prefix() netip.Prefix { return p.prefix }

// Allocate returns an address that nobody has and records owner as having it.
// An owner that already has one gets the same again.
func (p *Pool) Allocate(owner string) (netip.Addr, error) {
	if addr, ok, err := p.find(owner); err != nil || ok {
		return addr, err
	}
	start := p.after(p.last())
	for addr := start; ; {
		switch err := p.claim(addr, owner); {
		case err == nil:
			// A hint only: losing it costs the ring order, no correctness.
			_ = os.WriteFile(filepath.Join(p.dir, lastFile), []byte(addr.String()), 0o644)
			return addr, nil
		case !errors.Is(err, os.ErrExist):
			return netip.Addr{}, fmt.Errorf("allocate address for %s: %w", owner, err)
		}
		if addr = p.after(addr); addr == start {
			return netip.Addr{}, fmt.Errorf("%w %s", ErrExhausted, p.prefix)
		}
	}
}

// Release gives back what owner has. Having nothing is no error.
func (p *Pool) Release(owner string) error {
	addr, ok, err := p.find(owner)
	if err != nil || !ok {
		return err
	}
	if err := os.Remove(p.file(addr)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("release address %s: %w", addr, err)
	}
	return nil
}

// claim writes the owner before the name appears, so that a crash between the
// two leaves no address without an owner.
func (p *Pool) claim(addr netip.Addr, owner string) error {
	tmp, err := os.CreateTemp(p.dir, ".claim-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(owner)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Link(tmp.Name(), p.file(addr))
}

func (p *Pool) find(owner string) (netip.Addr, bool, error) {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return netip.Addr{}, false, fmt.Errorf("find address of %s: %w", owner, err)
	}
	for _, e := range entries {
		addr, err := netip.ParseAddr(e.Name())
		if err != nil {
			continue
		}
		data, err := os.ReadFile(filepath.Join(p.dir, e.Name()))
		if err == nil && string(data) == owner {
			return addr, true, nil
		}
	}
	return netip.Addr{}, false, nil
}

// after is the next address to hand out: neither the network's own address,
// nor the gateway, nor the broadcast address.
func (p *Pool) after(addr netip.Addr) netip.Addr {
	next := addr.Next()
	if !p.prefix.Contains(next) || !p.prefix.Contains(next.Next()) {
		return p.Gateway().Next()
	}
	return next
}

func (p *Pool) last() netip.Addr {
	data, _ := os.ReadFile(filepath.Join(p.dir, lastFile))
	addr, err := netip.ParseAddr(strings.TrimSpace(string(data)))
	if err != nil || !p.prefix.Contains(addr) || !p.Gateway().Less(addr) {
		return p.Gateway()
	}
	return addr
}

func (p *Pool) file(addr netip.Addr) string { return filepath.Join(p.dir, addr.String()) }
