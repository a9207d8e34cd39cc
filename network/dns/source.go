package dns

import (
	"context"
	"net/netip"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/coracle-k8s/coracle/client"
)

// The indexes by which answers are found.
const (
	byIP      = "ip"
	byService = "service"
)

// A Cluster is the [Source] that follows an API server.
type Cluster struct {
	namespaces *client.Informer[*corev1.Namespace]
	services   *client.Informer[*corev1.Service]
	slices     *client.Informer[*discoveryv1.EndpointSlice]
}

var _ Source = (*Cluster)(nil)

// NewCluster returns a source that knows nothing until it runs.
func NewCluster(c *client.Client) *Cluster {
	return &Cluster{
		namespaces: client.NewInformer(c, client.InformerOptions[*corev1.Namespace]{}),
		services: client.NewInformer(c, client.InformerOptions[*corev1.Service]{
			Indexes: map[string]func(*corev1.Service) []string{byIP: serviceIPs},
		}),
		slices: client.NewInformer(c, client.InformerOptions[*discoveryv1.EndpointSlice]{
			Indexes: map[string]func(*discoveryv1.EndpointSlice) []string{
				byIP: sliceIPs, byService: sliceService,
			},
		}),
	}
}

// Run follows the API server until ctx ends.
func (c *Cluster) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.namespaces.Run(ctx) })
	g.Go(func() error { return c.services.Run(ctx) })
	g.Go(func() error { return c.slices.Run(ctx) })
	return g.Wait()
}

// WaitForSync blocks until the source knows the cluster, or ctx ends.
func (c *Cluster) WaitForSync(ctx context.Context) error {
	for _, synced := range []<-chan struct{}{c.namespaces.Synced(), c.services.Synced(), c.slices.Synced()} {
		select {
		case <-synced:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Namespace implements Source.
func (c *Cluster) Namespace(name string) bool {
	_, ok := c.namespaces.Get("", name)
	return ok
}

// Service implements Source.
func (c *Cluster) Service(namespace, name string) *corev1.Service {
	svc, _ := c.services.Get(namespace, name)
	return svc
}

// Endpoints implements Source.
func (c *Cluster) Endpoints(namespace, name string) []*discoveryv1.EndpointSlice {
	return c.slices.ByIndex(byService, namespace+"/"+name)
}

// ServiceAt implements Source.
func (c *Cluster) ServiceAt(ip netip.Addr) *corev1.Service {
	for _, svc := range c.services.ByIndex(byIP, ip.String()) {
		return svc
	}
	return nil
}

// EndpointAt implements Source.
func (c *Cluster) EndpointAt(ip netip.Addr) (*corev1.Service, *discoveryv1.Endpoint) {
	for _, s := range c.slices.ByIndex(byIP, ip.String()) {
		svc := c.Service(s.Namespace, s.Labels[discoveryv1.LabelServiceName])
		if svc == nil || !headless(svc) {
			continue
		}
		for i := range s.Endpoints {
			for _, text := range s.Endpoints[i].Addresses {
				if text == ip.String() {
					return svc, &s.Endpoints[i]
				}
			}
		}
	}
	return nil, nil
}

func serviceIPs(svc *corev1.Service) []string {
	if svc.Spec.ClusterIP == "" || headless(svc) {
		return nil
	}
	return []string{svc.Spec.ClusterIP}
}

func sliceIPs(s *discoveryv1.EndpointSlice) []string {
	var ips []string
	for i := range s.Endpoints {
		ips = append(ips, s.Endpoints[i].Addresses...)
	}
	return ips
}

func sliceService(s *discoveryv1.EndpointSlice) []string {
	return []string{s.Namespace + "/" + s.Labels[discoveryv1.LabelServiceName]}
}
