package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/audit"
	"github.com/coracle-k8s/coracle/network/dns"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
	"github.com/coracle-k8s/coracle/store/sealed"
)

// The ranges of addresses of a cluster that names none: of Services, and of pods.
var (
	DefaultServices = netip.MustParsePrefix("10.96.0.0/16")
	DefaultPods     = netip.MustParsePrefix("10.244.0.0/16")
)

// The parts of a control plane that can be left out.
const (
	Scheduler         = "scheduler"
	ControllerManager = "controller-manager"
)

// Config says what cluster to make. The zero value is a control plane in
// memory, without nodes, that only this process reaches.
type Config struct {
	// Store holds the objects; nil means one in memory. Whoever opened it
	// closes it, after Run.
	Store store.Store
	// Sealed says which values are encrypted in the store, by the prefix of their
	// keys, such as /registry/secrets/; none: all are kept as they are.
	Sealed []sealed.Rule
	// EncryptionFile names a file that says so instead, as kube-apiserver takes it
	// (package apiserver/encryption); ReloadEncryption has it looked at every
	// minute.
	EncryptionFile   string
	ReloadEncryption bool
	// Auditor keeps record of requests to the API; nil means that nobody does. The
	// API server runs it.
	Auditor *audit.Auditor
	// PKI holds the cluster's certificates; nil means new ones, in memory.
	PKI *pki.PKI
	// Listeners are where the API is served over TLS, besides in memory. Run
	// closes them.
	Listeners []net.Listener
	// Hosts are further names and addresses that the API's certificate is for.
	Hosts []string
	// Advertise is where pods reach the API; the zero value means nowhere.
	Advertise netip.AddrPort
	// Services is the range of ClusterIPs, by default 10.96.0.0/16; Pods that of
	// the pods' addresses, by default 10.244.0.0/16.
	Services, Pods netip.Prefix
	// Domain is the cluster's DNS domain, by default cluster.local.
	Domain string
	// Nodes are the nodes to run.
	Nodes []NodeConfig
	// Backend makes the nodes; nil means nodes in memory. See [Machine].
	Backend Backend
	// Without names parts to leave out: Scheduler, ControllerManager.
	Without []string
	// Hooks are further admission hooks: Go functions that see every write.
	Hooks []apiserver.Hook
	// Wrap, if not nil, is put around the in-memory way of a user to the API, to
	// watch or to disturb it: see package client/faulty. It is called from
	// several goroutines.
	Wrap func(user string, next http.RoundTripper) http.RoundTripper
	// ShutdownDelay is how long the API goes on answering once its end has begun, while
	// /readyz says already that it is not ready; zero means not at all.
	ShutdownDelay time.Duration
	// MaxHistory is about how many bytes of what is no more the store keeps, besides
	// that it keeps nothing for longer than ten minutes; zero means 32 MiB, less than
	// zero any number, for a store that does not keep them in memory.
	MaxHistory int64
	// NodeGrace is how long a node may be silent before it counts as gone, by
	// default 40 s. Kubelets give a sign of life four times as often.
	NodeGrace time.Duration
	// AutoscaleInterval is how often autoscalers decide, by default 15 s.
	AutoscaleInterval time.Duration
	// Logger gets what the parts have to say; nil discards it.
	Logger *slog.Logger
}

// A NodeConfig describes one node.
type NodeConfig struct {
	Name string
	// Labels are added to those that every node has.
	Labels map[string]string
}

// Nodes returns the configuration of n nodes named node-1 and so on.
func Nodes(n int) []NodeConfig {
	out := make([]NodeConfig, n)
	for i := range out {
		out[i].Name = fmt.Sprintf("node-%d", i+1)
	}
	return out
}

// maxNodes is how many /24 ranges of pod addresses a /16 has.
const maxNodes = 250

func (c Config) withDefaults() (Config, error) {
	if !c.Services.IsValid() {
		c.Services = DefaultServices
	}
	if !c.Pods.IsValid() {
		c.Pods = DefaultPods
	}
	if c.Domain == "" {
		c.Domain = dns.DefaultDomain
	}
	if c.NodeGrace == 0 {
		c.NodeGrace = 40 * time.Second
	}
	if c.AutoscaleInterval == 0 {
		c.AutoscaleInterval = 15 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if err := c.validate(); err != nil {
		return c, fmt.Errorf("cluster: %w", err)
	}
	if c.PKI == nil {
		authority, err := pki.New()
		if err != nil {
			return c, err
		}
		c.PKI = authority
	}
	return c, nil
}

func (c Config) validate() error {
	for _, part := range c.Without {
		if part != Scheduler && part != ControllerManager {
			return fmt.Errorf("there is no part %q to leave out: want %s or %s", part, Scheduler, ControllerManager)
		}
	}
	switch {
	case c.EncryptionFile != "" && len(c.Sealed) > 0:
		return errors.New("both Sealed and EncryptionFile say what is encrypted")
	case c.Pods.Bits() != 16 || !c.Pods.Addr().Is4():
		return fmt.Errorf("pod range %s: want an IPv4 /16", c.Pods)
	case c.Pods.Overlaps(c.Services):
		return fmt.Errorf("pod range %s and service range %s overlap", c.Pods, c.Services)
	case len(c.Nodes) > maxNodes:
		return fmt.Errorf("%d nodes: at most %d fit into pod range %s", len(c.Nodes), maxNodes, c.Pods)
	}
	seen := map[string]bool{}
	for _, n := range c.Nodes {
		if seen[n.Name] {
			return errors.New("two nodes are named " + n.Name)
		}
		seen[n.Name] = true
	}
	return nil
}

// with reports whether a part is to run.
func (c Config) with(part string) bool { return !slices.Contains(c.Without, part) }

// podCIDR is the range of pod addresses of the node numbered index, from 1.
func (c Config) podCIDR(index int) netip.Prefix {
	a := c.Pods.Masked().Addr().As4()
	a[2] = byte(index)
	return netip.PrefixFrom(netip.AddrFrom4(a), 24)
}

// dnsIP is the ClusterIP of the DNS service: the tenth of the range, as everywhere.
func (c Config) dnsIP() netip.Addr {
	ip := c.Services.Masked().Addr()
	for range 10 {
		ip = ip.Next()
	}
	return ip
}

// memoryStore is what a cluster without a store of its own gets.
func memoryStore() store.Store { return memstore.New() }
