package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	goruntime "runtime"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/coracle-k8s/coracle/apiserver/connect"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/kubelet"
	"github.com/coracle-k8s/coracle/network/bridge"
	"github.com/coracle-k8s/coracle/network/fabric"
	"github.com/coracle-k8s/coracle/network/hostport"
	"github.com/coracle-k8s/coracle/network/netns"
	"github.com/coracle-k8s/coracle/network/proxy/nftables"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runc"
)

// Ports of the machine's nodes and of the switch between them.
const (
	apiPort     = 6443
	dnsPort     = 53
	kubeletPort = 10250
)

// A Machine is the [Backend] whose nodes are network namespaces of this
// machine, with runc containers on a bridge each.
type Machine struct {
	cfg    MachineConfig
	images *image.Store
	fabric *fabric.Fabric
	names  []string // of the nodes, for cleaning up
	pods   netip.Prefix
}

var _ Backend = (*Machine)(nil)

// NewMachine returns a backend for one cluster. Images can be put into its
// store before the cluster runs.
func NewMachine(cfg MachineConfig) (*Machine, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("runc nodes need root: run as root, or use nodes in memory (--runtime goroutine)")
	}
	if cfg.RuncPath == "" {
		if cfg.RuncPath, err = runc.Find(); err != nil {
			return nil, err
		}
	}
	images, err := image.Open(cfg.ImageDir(), image.Options{Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	return &Machine{cfg: cfg, images: images}, nil
}

// Images is the nodes' image store.
func (m *Machine) Images() *image.Store { return m.images }

// Open implements Backend: it makes the network between the nodes, and the
// places in it where the control plane listens.
func (m *Machine) Open(_ context.Context, c *Cluster) (Access, error) {
	m.pods = c.cfg.Pods
	for _, n := range c.cfg.Nodes {
		m.names = append(m.names, n.Name)
	}
	var err error
	if m.fabric, err = fabric.Open(m.fabricConfig()); err != nil {
		if errors.Is(err, fabric.ErrTaken) {
			err = fmt.Errorf("%w (another cluster? start this one with --uplink=false)", err)
		}
		return Access{}, err
	}
	advertise := netip.AddrPortFrom(m.fabric.Gateway(), apiPort)
	listener, err := netns.Listen(m.fabric.NS(), "tcp", advertise.String())
	if err != nil {
		return Access{}, err
	}
	identity, err := c.cfg.PKI.ClientTLS(pki.UserKubeletClient, pki.GroupMasters)
	if err != nil {
		return Access{}, err
	}
	return Access{
		Nodes:     connect.NodeTLS(identity).Dialing(m.fabric.Dial),
		Pods:      &http.Transport{DialContext: m.fabric.Dial, DisableKeepAlives: true},
		Listeners: []net.Listener{listener},
		Advertise: advertise,
		VolumeDir: m.cfg.VolumeDir(),
	}, nil
}

func (m *Machine) fabricConfig() fabric.Config {
	return fabric.Config{
		Dir: filepath.Join(m.cfg.RunDir, "ns"), Uplink: m.cfg.uplink(), Routed: []netip.Prefix{m.pods},
		Nodes: fabric.DefaultNodes,
	}
}

// RunShared implements Backend: it answers names, at the switch.
func (m *Machine) RunShared(ctx context.Context, c *Cluster) error {
	addr := netip.AddrPortFrom(m.fabric.Gateway(), dnsPort)
	udp, err := netns.ListenPacket(m.fabric.NS(), "udp", addr.String())
	if err != nil {
		return err
	}
	tcp, err := netns.Listen(m.fabric.NS(), "tcp", addr.String())
	if err != nil {
		udp.Close()
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return RunDNS(ctx, c.Client(pki.UserDNS), c.cfg.Domain, udp, tcp, m.cfg.Upstream, c.cfg.Logger)
	})
	g.Go(func() error {
		select {
		case <-c.Ready():
			announceDNS(ctx, c.Admin(), addr, c.cfg.Logger)
		case <-ctx.Done():
		}
		return nil
	})
	return g.Wait()
}

// RunNode implements Backend.
func (m *Machine) RunNode(ctx context.Context, c *Cluster, node NodeConfig, index int, started func(*kubelet.Kubelet)) error {
	n, err := m.fabric.AddNode(node.Name, index, c.cfg.podCIDR(index))
	if err != nil {
		return err
	}
	rules, err := nftables.New(n.NS, c.cfg.Pods)
	if err != nil {
		return err
	}
	containers, closeContainers, err := m.containers(ctx, n)
	if err != nil {
		return err
	}
	defer closeContainers()
	tlsConfig, err := c.cfg.PKI.ServerTLS("kubelet-"+node.Name, n.IP.String(), node.Name)
	if err != nil {
		return err
	}
	kubeletClient := c.Client(pki.NodeUser(node.Name), pki.GroupNodes)
	recorder := client.NewRecorder(kubeletClient, "kubelet", node.Name)
	config := m.kubeletConfig(c, node, n)
	config.Client, config.Runtime, config.Recorder = kubeletClient, containers, recorder
	k, err := kubelet.New(config)
	if err != nil {
		return err
	}
	listener, err := netns.Listen(n.NS, "tcp", netip.AddrPortFrom(n.IP, kubeletPort).String())
	if err != nil {
		return err
	}
	started(k)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return recorder.Run(ctx) })
	g.Go(func() error { return k.Serve(ctx, listener, tlsConfig) })
	g.Go(func() error { return k.Run(ctx) })
	g.Go(func() error { return RunProxy(ctx, c.Client(pki.UserProxy), node.Name, rules, c.cfg.Logger) })
	return g.Wait()
}

// containers opens a node's runtime. Closing it leaves its pods, since at the end
// of the whole cluster Close sees to them; but who stops a node wants its pods to
// die with it, without a word.
func (m *Machine) containers(ctx context.Context, n fabric.Node) (_ *runc.Runtime, closeAll func(), err error) {
	pods, err := m.podNetwork(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	config := m.runcConfig(n.Name)
	config.Network, config.NetNSPath = pods, n.NS
	containers, err := runc.New(config)
	if err != nil {
		return nil, nil, err
	}
	return containers, func() {
		err := containers.Close()
		if errors.Is(context.Cause(ctx), ErrStopped) {
			err = errors.Join(err, runc.Purge(context.WithoutCancel(ctx), config))
		}
		if err != nil {
			m.cfg.Logger.Error("end node", "node", n.Name, "error", err)
		}
	}, nil
}

// kubeletConfig is what a node's kubelet is told of the node.
func (m *Machine) kubeletConfig(c *Cluster, node NodeConfig, n fabric.Node) kubelet.Config {
	return kubelet.Config{
		NodeName: node.Name, NodeIP: n.IP.String(), Port: kubeletPort, PodCIDR: n.PodCIDR.String(),
		RootDir:    filepath.Join(m.cfg.Dir, "nodes", node.Name, "kubelet"),
		ClusterDNS: []string{c.cfg.dnsIP().String()}, ClusterDomain: c.cfg.Domain,
		Capacity: share(len(c.cfg.Nodes)), Labels: node.Labels, LeaseDuration: c.cfg.NodeGrace,
		CgroupRoot: filepath.Join(m.cfg.cgroup(), node.Name),
		Dial:       netns.Dialer(n.NS), Authorize: onlyAPIServer, Logger: c.cfg.Logger,
	}
}

func (m *Machine) runcConfig(node string) runc.Config {
	return runc.Config{
		Root:  filepath.Join(m.cfg.Dir, "nodes", node, "runc"),
		State: filepath.Join(m.cfg.RunDir, node), RuncPath: m.cfg.RuncPath, Images: m.images,
		CgroupParent: filepath.Join(m.cfg.cgroup(), node), Logger: m.cfg.Logger,
	}
}

// share is what a node has when n of them share this machine.
func share(n int) corev1.ResourceList {
	n = max(n, 1)
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewMilliQuantity(int64(goruntime.NumCPU()*1000/n), resource.DecimalSI),
		corev1.ResourceMemory: *resource.NewQuantity(totalMemory()/int64(n), resource.BinarySI),
	}
}

// Close implements Backend: unless the pods are to go on, it removes all that
// the nodes have on this machine.
func (m *Machine) Close() error {
	if m.cfg.KeepPods {
		return nil
	}
	return purge(context.Background(), m.cfg, m.images, m.names, m.fabricConfig())
}

// PurgeMachine removes what a cluster on the same directory left on the
// machine, whether it ended or was killed: processes, namespaces, links, mounts
// and cgroups. Its data stays.
func PurgeMachine(ctx context.Context, cfg MachineConfig) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(cfg.Dir, "nodes"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	cfg.Uplink = true // It may have had one.
	m := Machine{cfg: cfg}
	return purge(ctx, cfg, nil, names, m.fabricConfig())
}

func purge(ctx context.Context, cfg MachineConfig, images *image.Store, nodes []string, network fabric.Config) error {
	m := Machine{cfg: cfg, images: images}
	if images == nil {
		opened, err := image.Open(cfg.ImageDir(), image.Options{})
		if err != nil {
			return err
		}
		m.images = opened
	}
	var errs []error
	for _, name := range nodes {
		if err := runc.Purge(ctx, m.runcConfig(name)); err != nil {
			errs = append(errs, fmt.Errorf("node %s: %w", name, err))
		}
		errs = append(errs,
			unmountBelow(filepath.Join(cfg.Dir, "nodes", name)),
			os.RemoveAll(filepath.Join(cfg.Dir, "nodes", name, "ipam")))
	}
	errs = append(errs, fabric.Purge(network), removeCgroups(cfg.cgroup()), os.RemoveAll(cfg.RunDir))
	os.Remove(filepath.Dir(cfg.RunDir)) // Only if no other cluster is there.
	return errors.Join(errs...)
}

// podNetwork is the bridge of a node with its host ports.
func (m *Machine) podNetwork(ctx context.Context, n fabric.Node) (*podNetwork, error) {
	b, err := bridge.New(bridge.Config{
		NodeNS: n.NS, PodCIDR: n.PodCIDR, Dir: filepath.Join(m.cfg.Dir, "nodes", n.Name, "ipam"),
	})
	if err != nil {
		return nil, err
	}
	ports, err := hostport.New(ctx, n.NS)
	if err != nil {
		return nil, err
	}
	return &podNetwork{bridge: b, ports: ports}, nil
}
