package cluster

import (
	"context"
	"log/slog"
	"net"
	"net/netip"

	"golang.org/x/sync/errgroup"

	"github.com/coracle-k8s/coracle/client"
)

// RunDNSProcess is [RunDNS] for a process of its own: it tells the API server that
// the names are answered at addr, unless that is the zero value.
func RunDNSProcess(ctx context.Context, c *client.Client, domain string, addr netip.AddrPort, udp net.PacketConn, tcp net.Listener, upstream []string, log *slog.Logger) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return RunDNS(ctx, c, domain, udp, tcp, upstream, log) })
	if addr.IsValid() {
		g.Go(func() error {
			announceDNS(ctx, c, addr, log)
			return nil
		})
	}
	return g.Wait()
}
