package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/kubelet"
	"github.com/coracle-k8s/coracle/network/dns"
	"github.com/coracle-k8s/coracle/network/proxy"
	"github.com/coracle-k8s/coracle/network/proxy/userspace"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// MemoryConfig says what nodes in memory run.
type MemoryConfig struct {
	// Images are the programs that containers can be of; nil means none.
	Images *goroutine.Registry
	// Fallback runs every other image; nil means [goroutine.Pause], which does
	// nothing until it is stopped.
	Fallback goroutine.Program
	// Capacity is what each node has: by default 4 processors, 8 GiB of memory
	// and 110 pods.
	Capacity corev1.ResourceList
	// Dir is for the pods' files; empty means a temporary folder that Close
	// removes.
	Dir string
	// NodePorts is the address of this machine at which the node ports of
	// Services are open, such as 127.0.0.1; the zero value opens none.
	NodePorts netip.Addr
}

// A Memory is the [Backend] whose containers are Go functions.
type Memory struct {
	cfg      MemoryConfig
	network  *goroutine.Network
	balancer *proxy.Balancer
	dir      string
	own      bool // dir is ours to remove
}

var _ Backend = (*Memory)(nil)

// NewMemory returns a backend for one cluster.
func NewMemory(cfg MemoryConfig) *Memory {
	if cfg.Fallback == nil {
		cfg.Fallback = goroutine.Pause
	}
	if cfg.Capacity == nil {
		cfg.Capacity = corev1.ResourceList{
			corev1.ResourceCPU:              resource.MustParse("4"),
			corev1.ResourceMemory:           resource.MustParse("8Gi"),
			corev1.ResourcePods:             resource.MustParse("110"),
			corev1.ResourceEphemeralStorage: resource.MustParse("10Gi"),
		}
	}
	return &Memory{cfg: cfg, network: goroutine.NewNetwork(), balancer: proxy.NewBalancer(), dir: cfg.Dir}
}

// Network is the network that the pods are on: dial into it to reach them, by
// address, by ClusterIP or by name.
func (m *Memory) Network() *goroutine.Network { return m.network }

// Open implements Backend.
func (m *Memory) Open(_ context.Context, c *Cluster) (Access, error) {
	if m.dir == "" {
		dir, err := os.MkdirTemp("", "coracle-")
		if err != nil {
			return Access{}, err
		}
		m.dir, m.own = dir, true
	}
	m.network.SetTranslator(m.translate)
	return Access{
		Nodes: memoryNodes{c},
		Pods:  &http.Transport{DialContext: m.network.Dial, DisableKeepAlives: true},

		VolumeDir: filepath.Join(m.dir, "volumes"),
	}, nil
}

// Close implements Backend.
func (m *Memory) Close() error {
	if !m.own {
		return nil
	}
	return os.RemoveAll(m.dir)
}

// translate replaces a Service's address by a pod's.
func (m *Memory) translate(ctx context.Context, _, addr string) (string, error) {
	target, err := netip.ParseAddrPort(addr)
	if err != nil {
		return addr, nil
	}
	from, _ := goroutine.Source(ctx)
	endpoint, ok, err := m.balancer.Pick(corev1.ProtocolTCP, target, from)
	if err != nil || !ok {
		return addr, err
	}
	return endpoint.String(), nil
}

// RunShared implements Backend: it runs the proxy and the names of all nodes.
func (m *Memory) RunShared(ctx context.Context, c *Cluster) error {
	source := dns.NewCluster(c.Client(pki.UserDNS))
	zone := dns.Zone{Domain: c.cfg.Domain, Source: source}
	m.network.SetResolver(func(_ context.Context, _, host string) ([]string, error) {
		var out []string
		for _, ip := range zone.Lookup(host) {
			out = append(out, ip.String())
		}
		if len(out) == 0 {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return out, nil
	})
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return source.Run(ctx) })
	g.Go(func() error { return m.runProxy(ctx, c) })
	return g.Wait()
}

// runProxy keeps the balancer in step with the Services, and their node ports
// open where that is wanted.
func (m *Memory) runProxy(ctx context.Context, c *Cluster) error {
	var backend proxy.Backend = m.balancer
	if m.cfg.NodePorts.IsValid() {
		ports := userspace.New(userspace.Config{
			Address: m.cfg.NodePorts, Balancer: m.balancer, Dial: m.network.Dial, Logger: c.cfg.Logger,
		})
		defer ports.Close()
		backend = ports
	}
	return RunProxy(ctx, c.Client(pki.UserProxy), "", backend, c.cfg.Logger)
}

// RunNode implements Backend. The end of a node in memory is the end of its pods.
func (m *Memory) RunNode(ctx context.Context, c *Cluster, node NodeConfig, index int, started func(*kubelet.Kubelet)) error {
	ip := netip.AddrFrom4([4]byte{10, 243, 0, byte(10 + index)})
	runtime := goroutine.New(goroutine.Config{
		Images: m.cfg.Images, Fallback: m.cfg.Fallback, Network: m.network,
		PodCIDR: c.cfg.podCIDR(index), NodeIP: ip, RootDir: m.dir, Logger: c.cfg.Logger,
	})
	defer runtime.Close()
	kubeletClient := c.Client(pki.NodeUser(node.Name), pki.GroupNodes)
	recorder := client.NewRecorder(kubeletClient, "kubelet", node.Name)
	k, err := kubelet.New(kubelet.Config{
		NodeName: node.Name, Client: kubeletClient, Runtime: runtime,
		RootDir: filepath.Join(m.dir, node.Name), NodeIP: ip.String(), PodCIDR: c.cfg.podCIDR(index).String(),
		ClusterDNS: []string{c.cfg.dnsIP().String()}, ClusterDomain: c.cfg.Domain,
		Capacity: m.cfg.Capacity, Labels: node.Labels, PlainVolumes: true, LeaseDuration: c.cfg.NodeGrace,
		Dial: m.network.Dial, Recorder: recorder, Logger: c.cfg.Logger,
	})
	if err != nil {
		return err
	}
	started(k)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return recorder.Run(ctx) })
	g.Go(func() error { return k.Run(ctx) })
	return g.Wait()
}

// memoryNodes calls the kubelets' handlers.
type memoryNodes struct{ c *Cluster }

// RoundTripper implements apiserver.NodeTransport.
func (n memoryNodes) RoundTripper(node *corev1.Node) (http.RoundTripper, string, error) {
	k := n.c.kubeletOf(node.Name)
	if k == nil {
		return nil, "", fmt.Errorf("node %s does not answer", node.Name)
	}
	return client.InMemory(k.Handler()), "http://" + node.Name, nil
}
