package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/network/proxy/nftables"
	"github.com/coracle-k8s/coracle/network/proxy/userspace"
)

// The modes of the proxy.
const (
	modeNftables  = "nftables"
	modeUserspace = "userspace"
)

// proxyFlags are the flags of `coracle proxy`.
type proxyFlags struct {
	partFlags
	mode      string
	node      string
	pods      string
	address   string
	keepRules bool
}

func proxyCommand() *cobra.Command {
	var f proxyFlags
	cmd := &cobra.Command{
		Use: "proxy", GroupID: "part",
		Short: "Make Services reachable from this machine",
		Long: `Make Services reachable from this machine and its pods: connections to a Service's
address go to one of its pods. Every node runs one.

--mode nftables writes rules into the kernel, in the network namespace that this
process is in; it needs root and the nft program. --mode userspace needs neither:
it listens at the node ports of Services, and at a free port for each other
Service port, which -v info names. It serves TCP only.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.start(cmd) },
	}
	f.register(cmd, 10249)
	cmd.Flags().StringVar(&f.mode, "mode", modeNftables, "how: nftables or userspace")
	cmd.Flags().StringVar(&f.node, "node-name", "", "node whose pods count as local, for traffic policies")
	cmd.Flags().StringVar(&f.pods, "pod-range", cluster.DefaultPods.String(), "range of the addresses of all pods (nftables)")
	cmd.Flags().StringVar(&f.address, "address", "127.0.0.1", "address to open ports at (userspace)")
	cmd.Flags().BoolVar(&f.keepRules, "keep-rules", false, "leave the rules at the end, so that connections go on during a restart (nftables)")
	return cmd
}

func (f *proxyFlags) start(cmd *cobra.Command) error {
	return f.run(cmd, func(ctx context.Context, p part) error {
		switch f.mode {
		case modeNftables:
			return f.nftables(ctx, p)
		case modeUserspace:
			return f.userspace(ctx, p)
		}
		return fmt.Errorf("--mode %s: want %s or %s", f.mode, modeNftables, modeUserspace)
	})
}

func (f *proxyFlags) nftables(ctx context.Context, p part) (err error) {
	pods, err := netip.ParsePrefix(f.pods)
	if err != nil {
		return fmt.Errorf("--pod-range: %w", err)
	}
	rules, err := nftables.New("", pods)
	if err != nil {
		return fmt.Errorf("%w (--mode userspace works without)", err)
	}
	if !f.keepRules {
		defer func() { err = errors.Join(err, rules.Remove(context.WithoutCancel(ctx))) }()
	}
	return cluster.RunProxy(ctx, p.client, f.node, rules, p.log)
}

func (f *proxyFlags) userspace(ctx context.Context, p part) error {
	address, err := netip.ParseAddr(f.address)
	if err != nil {
		return fmt.Errorf("--address: %w", err)
	}
	ports := userspace.New(userspace.Config{Address: address, Services: true, Logger: p.log})
	defer ports.Close()
	return cluster.RunProxy(ctx, p.client, f.node, ports, p.log)
}
