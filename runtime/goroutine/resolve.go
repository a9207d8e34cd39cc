package goroutine

import (
	"bufio"
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// nameConfig is what /etc/resolv.conf and /etc/hosts tell a pod's resolver.
type nameConfig struct {
	search []string
	ndots  int
	hosts  func() string // the text of /etc/hosts, nil for none
}

// newNameConfig reads a sandbox's DNS settings. The default of ndots is 1 as in
// resolv.conf(5); a kubelet asks for 5.
func newNameConfig(c *cri.DNSConfig) nameConfig {
	n := nameConfig{search: c.GetSearches(), ndots: 1}
	for _, option := range c.GetOptions() {
		if text, ok := strings.CutPrefix(option, "ndots:"); ok {
			if ndots, err := strconv.Atoi(text); err == nil {
				n.ndots = ndots
			}
		}
	}
	return n
}

// candidates lists the names to ask for, in the order of resolv.conf(5): a name
// with at least ndots dots is tried as it is first, another one last. A name
// that ends in a dot is complete.
func (n nameConfig) candidates(name string) []string {
	if full, ok := strings.CutSuffix(name, "."); ok {
		return []string{full}
	}
	var list []string
	for _, domain := range n.search {
		list = append(list, name+"."+strings.TrimSuffix(domain, "."))
	}
	if strings.Count(name, ".") >= n.ndots {
		return append([]string{name}, list...)
	}
	return append(list, name)
}

// lookup returns the addresses of a name: itself if it is one, else from
// /etc/hosts, else from the network's resolver.
func (h *Host) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	if name == "" || name == "localhost" {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
	}
	if h.dns.hosts != nil {
		if ips := lookupHosts(h.dns.hosts(), name); len(ips) > 0 {
			return ips, nil
		}
	}
	_, resolve := h.network.hooks()
	failure := &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	if resolve == nil {
		return nil, failure
	}
	for _, candidate := range h.dns.candidates(name) {
		answer, err := resolve(ctx, h.pod, candidate)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if ips := parseAddrs(answer); err == nil && len(ips) > 0 {
			return ips, nil
		}
	}
	return nil, failure
}

func parseAddrs(texts []string) []netip.Addr {
	var ips []netip.Addr
	for _, text := range texts {
		if ip, err := netip.ParseAddr(text); err == nil {
			ips = append(ips, ip.Unmap())
		}
	}
	return ips
}

// lookupHosts finds a name in the text of a hosts(5) file.
func lookupHosts(text, name string) []netip.Addr {
	var ips []netip.Addr
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		for _, alias := range fields[1:] {
			if strings.EqualFold(alias, name) {
				ips = append(ips, parseAddrs(fields[:1])...)
			}
		}
	}
	return ips
}
