package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/kubelet"
	"github.com/coracle-k8s/coracle/pki"
)

// NodeProcess describes a kubelet that is a process of its own, on a machine that
// is its node.
type NodeProcess struct {
	// Kubeconfig is the file of the node's identity. Its certificate is shown by
	// the kubelet's own server too, and says the node's name and addresses.
	// Required.
	Kubeconfig string
	// Name is the node's, by default the one in the certificate.
	Name string
	// IP is the node's address, by default the one that this machine has towards
	// the API server.
	IP netip.Addr
	// Listener is where the kubelet serves. Run closes it. Required.
	Listener net.Listener
	// Runtime says what runs containers: [RuntimeRunc], [RuntimeGoroutine], or
	// the address of a CRI server such as unix:///run/containerd/containerd.sock.
	Runtime string
	// PodCIDR is the range of the pods' addresses. Required but for CRI servers,
	// which may have their own.
	PodCIDR netip.Prefix
	// ClusterDNS is whom pods ask for names, by default 10.96.0.10, and Domain
	// the cluster's, by default cluster.local.
	ClusterDNS netip.Addr
	Domain     string
	// Labels are further labels of the node.
	Labels map[string]string
	// Machine says where things are kept; KeepPods in it leaves pods running at
	// the end, otherwise nothing is left behind.
	Machine MachineConfig
	// Images is the image store's folder, by default images below Machine.Dir.
	Images string
}

// The runtimes that are no CRI servers.
const (
	RuntimeRunc      = "runc"
	RuntimeGoroutine = "goroutine"
)

// RunNode runs a kubelet until ctx ends.
func RunNode(ctx context.Context, n NodeProcess) error {
	defer n.Listener.Close()
	if err := n.complete(); err != nil {
		return err
	}
	identity, err := n.identity()
	if err != nil {
		return err
	}
	c, err := client.FromKubeconfig(n.Kubeconfig)
	if err != nil {
		return err
	}
	containers, err := n.open(ctx)
	if err != nil {
		return fmt.Errorf("runtime %s: %w", n.Runtime, err)
	}
	err = n.run(ctx, c, identity, containers)
	return errors.Join(err, containers.close(context.WithoutCancel(ctx)))
}

// run runs the kubelet over its runtime.
func (n *NodeProcess) run(ctx context.Context, c *client.Client, identity *tls.Config, containers *nodeRuntime) error {
	recorder := client.NewRecorder(c, "kubelet", n.Name)
	port := n.Listener.Addr().(*net.TCPAddr).Port
	k, err := kubelet.New(kubelet.Config{
		NodeName: n.Name, Client: c, Runtime: containers.Runtime,
		RootDir: filepath.Join(n.Machine.Dir, "kubelet"),
		NodeIP:  n.IP.String(), Port: int32(port), PodCIDR: prefixString(n.PodCIDR),
		ClusterDNS: []string{n.ClusterDNS.String()}, ClusterDomain: n.Domain,
		ResolvConf: resolvConf, Labels: n.Labels, CgroupRoot: containers.cgroup,
		PlainVolumes: containers.plain, Dial: containers.dial,
		Recorder: recorder, Logger: n.Machine.Logger, Authorize: onlyAPIServer,
	})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return recorder.Run(ctx) })
	g.Go(func() error { return k.Serve(ctx, n.Listener, identity) })
	g.Go(func() error { return k.Run(ctx) })
	return g.Wait()
}

// onlyAPIServer lets nobody at a kubelet's server but the API server, which has
// checked who asks.
func onlyAPIServer(r *http.Request) error {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 ||
		r.TLS.PeerCertificates[0].Subject.CommonName != pki.UserKubeletClient {
		return errors.New("only the API server may use this")
	}
	return nil
}

const resolvConf = "/etc/resolv.conf"

// complete fills in what can be found out.
func (n *NodeProcess) complete() (err error) {
	if n.Machine, err = n.Machine.withDefaults(); err != nil {
		return err
	}
	if n.Images == "" {
		n.Images = n.Machine.ImageDir()
	}
	if n.Machine.Logger == nil {
		n.Machine.Logger = slog.New(slog.DiscardHandler)
	}
	if !n.ClusterDNS.IsValid() {
		n.ClusterDNS = Config{Services: DefaultServices}.dnsIP()
	}
	if !n.IP.IsValid() {
		n.IP, err = addressTowards(n.Kubeconfig)
	}
	return err
}

// identity is how the kubelet's server shows itself and knows the API server: by
// what the kubeconfig has.
func (n *NodeProcess) identity() (*tls.Config, error) {
	config, err := client.KubeconfigTLS(n.Kubeconfig)
	if err != nil {
		return nil, err
	}
	if len(config.Certificates) == 0 || config.RootCAs == nil {
		return nil, fmt.Errorf("kubeconfig %s: a kubelet needs a client certificate and the cluster's authority in it", n.Kubeconfig)
	}
	cert := config.Certificates[0].Leaf
	name, isNode := strings.CutPrefix(cert.Subject.CommonName, pki.NodeUserPrefix)
	if n.Name == "" {
		n.Name = name
	}
	switch err := cert.VerifyHostname(n.IP.String()); {
	case !isNode:
		return nil, fmt.Errorf("kubeconfig %s is of %s, not of a node: %s", n.Kubeconfig, cert.Subject.CommonName, n.advice())
	case n.Name != name:
		return nil, fmt.Errorf("kubeconfig %s is of node %s, not of %s: %s", n.Kubeconfig, name, n.Name, n.advice())
	case err != nil:
		return nil, fmt.Errorf("kubeconfig %s is of a node at another address than %s: %s", n.Kubeconfig, n.IP, n.advice())
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: config.Certificates,
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: config.RootCAs, NextProtos: []string{"h2", "http/1.1"},
	}, nil
}

func (n *NodeProcess) advice() string {
	return fmt.Sprintf("make one with coracle kubeconfig --node NAME --address %s, beside the API server", n.IP)
}

// addressTowards is the address that this machine has on the way to the server of
// a kubeconfig. No packet is sent for that.
func addressTowards(kubeconfig string) (netip.Addr, error) {
	_, server, err := client.FromKubeconfigTransport(kubeconfig)
	if err != nil {
		return netip.Addr{}, err
	}
	u, err := url.Parse(server)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	conn, err := net.Dial("udp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find this node's address (or say --node-ip): %w", err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr(), nil
}

// prefixString is empty for the zero value.
func prefixString(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}
