package hostport

import (
	"context"
	"fmt"
	"net/netip"

	"sigs.k8s.io/knftables"

	"github.com/coracle-k8s/coracle/network/netns"
)

// TableName is the name of the nftables table, of family ip.
const TableName = "coracle-hostports"

const (
	anyAddress = "ports"
	oneAddress = "addresses"
)

// A Mapping leads from a port of the node to one of a pod.
type Mapping struct {
	Protocol string     // "tcp", "udp" or "sctp"
	HostIP   netip.Addr // the zero value or 0.0.0.0: every address of the node
	HostPort uint16
	PodPort  uint16
}

// Ports are the host ports of one node. It is safe for concurrent use as far as
// nftables is: each change is one transaction.
type Ports struct {
	nft    knftables.Interface
	nodeNS string
}

// New makes the table in the node's network namespace, or takes over the one
// that is there.
func New(ctx context.Context, nodeNS string) (*Ports, error) {
	p := &Ports{nodeNS: nodeNS}
	err := netns.Do(nodeNS, func() (err error) {
		p.nft, err = knftables.New(knftables.IPv4Family, TableName)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("host ports: nftables (is the nftables package installed?): %w", err)
	}
	return p, p.run(ctx, p.frame)
}

// Add leads the mappings to the pod at ip, in the name of the sandbox.
func (p *Ports) Add(ctx context.Context, sandboxID string, ip netip.Addr, mappings []Mapping) error {
	if len(mappings) == 0 {
		return nil
	}
	return p.run(ctx, func(tx *knftables.Transaction) {
		for _, m := range mappings {
			e := &knftables.Element{
				Map: anyAddress, Key: []string{m.Protocol, fmt.Sprint(m.HostPort)},
				Value: []string{ip.String(), fmt.Sprint(m.PodPort)}, Comment: &sandboxID,
			}
			if m.HostIP.IsValid() && !m.HostIP.IsUnspecified() {
				e.Map, e.Key = oneAddress, append([]string{m.HostIP.String()}, e.Key...)
			}
			tx.Add(e)
		}
	})
}

// Remove takes back the sandbox' mappings. Having none is no error.
func (p *Ports) Remove(ctx context.Context, sandboxID string) error {
	var mine []*knftables.Element
	err := netns.Do(p.nodeNS, func() error {
		for _, m := range []string{anyAddress, oneAddress} {
			all, err := p.nft.ListElements(ctx, "map", m)
			if err != nil && !knftables.IsNotFound(err) {
				return fmt.Errorf("list host ports: %w", err)
			}
			for _, e := range all {
				if e.Comment != nil && *e.Comment == sandboxID {
					mine = append(mine, e)
				}
			}
		}
		return nil
	})
	if err != nil || len(mine) == 0 {
		return err
	}
	return p.run(ctx, func(tx *knftables.Transaction) {
		for _, e := range mine {
			tx.Delete(e)
		}
	})
}

// Close removes the table with all mappings, for when the node is one no more.
func (p *Ports) Close(ctx context.Context) error {
	return p.run(ctx, func(tx *knftables.Transaction) {
		tx.Add(&knftables.Table{}) // Deleting needs it to be there.
		tx.Delete(&knftables.Table{})
	})
}

func (p *Ports) run(ctx context.Context, fill func(*knftables.Transaction)) error {
	tx := p.nft.NewTransaction()
	fill(tx)
	if err := netns.Do(p.nodeNS, func() error { return p.nft.Run(ctx, tx) }); err != nil {
		return fmt.Errorf("write host ports: %w", err)
	}
	return nil
}

// frame makes the table, its maps, and the chains that look into them.
func (p *Ports) frame(tx *knftables.Transaction) {
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("ports of the node that belong to pods")})
	tx.Add(&knftables.Map{Name: anyAddress, Type: "inet_proto . inet_service : ipv4_addr . inet_service"})
	tx.Add(&knftables.Map{Name: oneAddress, Type: "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service"})
	for name, hook := range map[string]knftables.BaseChainHook{
		"prerouting": knftables.PreroutingHook, "output": knftables.OutputHook,
	} {
		tx.Add(&knftables.Chain{
			Name: name, Type: knftables.PtrTo(knftables.NATType), Hook: knftables.PtrTo(hook),
			Priority: knftables.PtrTo(knftables.DNATPriority),
		})
		tx.Flush(&knftables.Chain{Name: name})
		tx.Add(&knftables.Rule{Chain: name, Rule: "dnat ip to ip daddr . meta l4proto . th dport map @" + oneAddress})
		tx.Add(&knftables.Rule{Chain: name, Rule: "fib daddr type local dnat ip to meta l4proto . th dport map @" + anyAddress})
	}
	// From the node itself the source may be a loopback address, which a pod
	// cannot answer.
	tx.Add(&knftables.Chain{
		Name: "postrouting", Type: knftables.PtrTo(knftables.NATType),
		Hook: knftables.PtrTo(knftables.PostroutingHook), Priority: knftables.PtrTo(knftables.SNATPriority),
	})
	tx.Flush(&knftables.Chain{Name: "postrouting"})
	tx.Add(&knftables.Rule{Chain: "postrouting", Rule: "ct status dnat fib saddr type local masquerade"})
}
