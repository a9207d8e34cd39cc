package main

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/cluster"
)

// kubeletFlags are the flags of `coracle kubelet`.
type kubeletFlags struct {
	partFlags
	node     string
	listen   string
	ip       string
	pods     string
	dns      string
	runtime  string
	runcPath string
	dataDir  string
	images   string
	domain   string
	labels   map[string]string
	keepPods bool
}

func kubeletCommand() *cobra.Command {
	var f kubeletFlags
	cmd := &cobra.Command{
		Use: "kubelet", GroupID: "part",
		Short: "Make this machine a node that runs pods",
		Long: `Make this machine a node: run the pods that the scheduler gives it.

The node's identity is a kubeconfig that coracle kubeconfig makes, where the API
server's data directory is:

    coracle kubeconfig --node node-1 --address 10.0.0.11 > node-1.conf

With --runtime runc the node's pods are on a bridge in the network namespace that
this process is in, with addresses of --pod-cidr. That packets for the pods of
other nodes find their way is the routers' business, as anywhere; see
examples/split. Each node needs a range of its own. --runtime goroutine runs pods
as functions of this process, on a network that only they are on. An address such
as unix:///run/containerd/containerd.sock is that of a CRI server: containerd,
CRI-O or another.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.start(cmd) },
	}
	f.register(cmd, 10248)
	cmd.Flags().StringVar(&f.node, "node-name", "", "name of the node (default the one in the kubeconfig's certificate)")
	cmd.Flags().StringVar(&f.listen, "listen", ":10250", "address of the kubelet's own server, for the API server")
	cmd.Flags().StringVar(&f.ip, "node-ip", "", "address of the node (default the one it has towards the API server)")
	cmd.Flags().StringVar(&f.pods, "pod-cidr", "", "range of the addresses of this node's pods, such as 10.244.1.0/24")
	cmd.Flags().StringVar(&f.dns, "cluster-dns", "10.96.0.10", "whom pods ask for names: the ClusterIP of kube-system/kube-dns")
	cmd.Flags().StringVar(&f.domain, "cluster-domain", "cluster.local", "DNS domain of the cluster")
	cmd.Flags().StringVar(&f.runtime, "runtime", cluster.RuntimeRunc, "what runs containers: runc, goroutine, or the address of a CRI server")
	cmd.Flags().StringVar(&f.runcPath, "runc", "", "runc program (default the one on the path, beside coracle, or in bin)")
	cmd.Flags().StringVar(&f.dataDir, "data-dir", defaultDataDir(), "directory of the node's files, not shared with other nodes")
	cmd.Flags().StringVar(&f.images, "image-dir", "", "directory of images, which several nodes may share (default DATA-DIR/images)")
	cmd.Flags().StringToStringVar(&f.labels, "label", nil, "further labels of the node, as KEY=VALUE")
	cmd.Flags().BoolVar(&f.keepPods, "keep-pods", false, "leave pods running at the end, for the next start to pick up")
	return cmd
}

func (f *kubeletFlags) start(cmd *cobra.Command) error {
	return f.run(cmd, func(ctx context.Context, p part) error {
		node := cluster.NodeProcess{
			Kubeconfig: f.kubeconfig, Name: f.node, Runtime: f.runtime, Domain: f.domain, Labels: f.labels, Images: f.images,
			Machine: cluster.MachineConfig{Dir: f.dataDir, RuncPath: f.runcPath, KeepPods: f.keepPods, Logger: p.log},
		}
		var err error
		if node.IP, err = optional(f.ip, netip.ParseAddr); err != nil {
			return fmt.Errorf("--node-ip: %w", err)
		}
		if node.ClusterDNS, err = optional(f.dns, netip.ParseAddr); err != nil {
			return fmt.Errorf("--cluster-dns: %w", err)
		}
		if node.PodCIDR, err = optional(f.pods, netip.ParsePrefix); err != nil {
			return fmt.Errorf("--pod-cidr: %w", err)
		}
		if node.Listener, err = listenTCP(f.listen, "--listen"); err != nil {
			return err
		}
		return cluster.RunNode(ctx, node)
	})
}

// optional parses a flag that may be empty.
func optional[T any](value string, parse func(string) (T, error)) (T, error) {
	if value == "" {
		var none T
		return none, nil
	}
	return parse(value)
}
