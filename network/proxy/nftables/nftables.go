package nftables

import (
	"context"
	"fmt"
	"net/netip"

	"sigs.k8s.io/knftables"

	"github.com/coracle-k8s/coracle/network/netns"
	"github.com/coracle-k8s/coracle/network/proxy"
)

// TableName is the name of the nftables table, of family ip.
const TableName = "coracle-proxy"

// A Backend writes the rules of one node. Only one Sync may run at a time.
type Backend struct {
	nft    knftables.Interface
	nodeNS string
	pods   netip.Prefix
	// written is what the kernel has; nil before the first Sync and after
	// one that failed, when nobody knows.
	written *rules
	udp     udpPorts
}

var _ proxy.Backend = (*Backend)(nil)

// New returns a backend for the node whose network namespace is held at nodeNS,
// empty meaning that of the process. pods is the range of all the cluster's pods.
func New(nodeNS string, pods netip.Prefix) (*Backend, error) {
	var nft knftables.Interface
	err := netns.Do(nodeNS, func() (err error) {
		nft, err = knftables.New(knftables.IPv4Family, TableName)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("nftables (is the nftables package installed?): %w", err)
	}
	return NewWith(nft, nodeNS, pods), nil
}

// NewWith is [New] over a given knftables interface, such as its fake.
func NewWith(nft knftables.Interface, nodeNS string, pods netip.Prefix) *Backend {
	return &Backend{nft: nft, nodeNS: nodeNS, pods: pods}
}

// Sync implements proxy.Backend.
func (b *Backend) Sync(ctx context.Context, table proxy.Table) error {
	wanted := render(table, b.pods)
	tx := b.nft.NewTransaction()
	if b.written == nil {
		frame(tx)
	}
	diff(tx, b.written, wanted)
	if tx.NumOperations() == 0 {
		return nil
	}
	udp := udpOf(table)
	err := netns.Do(b.nodeNS, func() error {
		if err := b.nft.Run(ctx, tx); err != nil {
			return err
		}
		return forget(udp.stale(b.udp))
	})
	if err != nil {
		b.written = nil
		return fmt.Errorf("write nftables rules: %w", err)
	}
	b.written, b.udp = wanted, udp
	return nil
}

// Remove deletes the table with all its rules.
func (b *Backend) Remove(ctx context.Context) error {
	tx := b.nft.NewTransaction()
	tx.Add(&knftables.Table{})
	tx.Delete(&knftables.Table{})
	b.written = nil
	return netns.Do(b.nodeNS, func() error { return b.nft.Run(ctx, tx) })
}
