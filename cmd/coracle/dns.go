package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/cluster"
)

// dnsFlags are the flags of `coracle dns`.
type dnsFlags struct {
	partFlags
	listen   string
	domain   string
	upstream []string
	announce bool
}

func dnsCommand() *cobra.Command {
	var f dnsFlags
	cmd := &cobra.Command{
		Use: "dns", GroupID: "part",
		Short: "Answer the names of Services and pods",
		Long: `Answer the names of Services and pods, over UDP and TCP, and pass on other
questions to the name servers of this machine.

Pods ask the ClusterIP of the Service kube-system/kube-dns. That this server is
what is behind it, at the address of --listen, it tells the API server itself;
with --announce=false that is left to you.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.start(cmd) },
	}
	f.register(cmd, 10053)
	cmd.Flags().StringVar(&f.listen, "listen", "", "IP:PORT to answer at, which pods must be able to reach (required)")
	cmd.MarkFlagRequired("listen")
	cmd.Flags().StringVar(&f.domain, "cluster-domain", "cluster.local", "DNS domain of the cluster")
	cmd.Flags().StringSliceVar(&f.upstream, "upstream", upstreamDNS("/etc/resolv.conf"), "name servers for other names, as HOST:PORT")
	cmd.Flags().BoolVar(&f.announce, "announce", true, "tell the API server that this is where names are answered")
	return cmd
}

func (f *dnsFlags) start(cmd *cobra.Command) error {
	return f.run(cmd, func(ctx context.Context, p part) error {
		addr, err := netip.ParseAddrPort(f.listen)
		if err != nil {
			return fmt.Errorf("--listen %s: want IP:PORT", f.listen)
		}
		if f.announce && addr.Addr().IsUnspecified() {
			return fmt.Errorf("--listen %s names no address that pods could ask: name one, or say --announce=false", f.listen)
		}
		tcp, err := listenTCP(f.listen, "--listen")
		if err != nil {
			return err
		}
		udp, err := net.ListenPacket("udp", f.listen)
		if err != nil {
			tcp.Close()
			return fmt.Errorf("--listen %s: %w", f.listen, err)
		}
		if !f.announce {
			addr = netip.AddrPort{}
		}
		return cluster.RunDNSProcess(ctx, p.client, f.domain, addr, udp, tcp, f.upstream, p.log)
	})
}
