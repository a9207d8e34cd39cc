package cluster

import (
	"context"
	"log/slog"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller/manager"
	"github.com/coracle-k8s/coracle/network/dns"
	"github.com/coracle-k8s/coracle/network/proxy"
	"github.com/coracle-k8s/coracle/scheduler"
	"github.com/coracle-k8s/coracle/scheduler/plugins"
)

// RunScheduler runs the scheduler with the usual plugins until ctx ends.
func RunScheduler(ctx context.Context, c *client.Client, log *slog.Logger) error {
	informers := client.NewInformers(c)
	return scheduler.New(scheduler.Config{
		Client: c, Informers: informers, Profile: plugins.Default(informers), Logger: log,
	}).Run(ctx)
}

// RunControllers runs the controller manager until ctx ends.
func RunControllers(ctx context.Context, c *client.Client, opts manager.Options) error {
	return manager.New(c, opts).Run(ctx)
}

// RunProxy keeps a node's Service rules until ctx ends.
func RunProxy(ctx context.Context, c *client.Client, node string, backend proxy.Backend, log *slog.Logger) error {
	return proxy.New(proxy.Config{NodeName: node, Client: c, Backend: backend, Logger: log}).Run(ctx)
}

// RunDNS answers the cluster's names on the given sockets until ctx ends.
func RunDNS(ctx context.Context, c *client.Client, domain string, udp net.PacketConn, tcp net.Listener, upstream []string, log *slog.Logger) error {
	source := dns.NewCluster(c)
	server, err := dns.NewServer(dns.Config{
		Zone: dns.Zone{Domain: domain, Source: source}, UDP: udp, TCP: tcp, Upstream: upstream, Logger: log,
	})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return source.Run(ctx) })
	g.Go(func() error { return server.Run(ctx) })
	return g.Wait()
}
