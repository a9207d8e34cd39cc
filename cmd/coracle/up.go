package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/runtime/runc"
	"github.com/coracle-k8s/coracle/store/boltstore"
)

// The kinds of nodes.
const (
	runtimeRunc      = "runc"
	runtimeGoroutine = "goroutine"
)

// upFlags are the flags of `coracle up`, and what `coracle demo` shares.
type upFlags struct {
	logFlags
	audit      auditFlags
	sealed     encryptionFlags
	nodes      int
	dataDir    string
	kubeconfig string
	listen     string
	runtime    string
	keepPods   bool
	uplink     bool
	nodeGrace  time.Duration
	autoscale  time.Duration
}

func upCommand() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:     "up",
		GroupID: "cluster",
		Short:   "Start a cluster on this machine",
		Long: `Start a cluster on this machine: a control plane and nodes, each with a network
of its own, running runc containers. It runs until Ctrl-C and then leaves nothing
behind but its data directory; the next start on that goes on where it ended.

Without root, or on systems other than Linux, nodes can be had in memory
(--runtime goroutine), whose containers are Go functions.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), narrator{cmd.OutOrStdout()})
		},
	}
	f.register(cmd)
	f.audit.register(cmd)
	f.sealed.register(cmd)
	cmd.Flags().BoolVar(&f.keepPods, "keep-pods", false, "leave pods running at the end, for the next start to pick up")
	return cmd
}

func (f *upFlags) register(cmd *cobra.Command) {
	f.logFlags.register(cmd)
	cmd.Flags().IntVar(&f.nodes, "nodes", 3, "number of nodes; 0 for the control plane alone")
	cmd.Flags().StringVar(&f.dataDir, "data-dir", defaultDataDir(), "directory of the cluster's state")
	cmd.Flags().StringVar(&f.kubeconfig, "kubeconfig", "", "file to write for kubectl once the API is ready (default DATA-DIR/kubeconfig)")
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:6443", "address of the API")
	cmd.Flags().StringVar(&f.runtime, "runtime", runtimeRunc, "what runs containers: runc, or goroutine for nodes in memory")
	cmd.Flags().BoolVar(&f.uplink, "uplink", true, "connect nodes and pods with this machine's network; of several clusters only one can")
	cmd.Flags().DurationVar(&f.nodeGrace, "node-grace", 40*time.Second, "how long a node may be silent before it counts as gone")
	cmd.Flags().DurationVar(&f.autoscale, "autoscale-interval", 15*time.Second, "how often horizontal pod autoscalers decide")
}

func defaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/coracle"
	}
	if dir, err := os.UserHomeDir(); err == nil {
		return filepath.Join(dir, ".local", "share", "coracle")
	}
	return "coracle-data"
}

// run starts the cluster and waits for ctx to end.
func (f *upFlags) run(ctx context.Context, say narrator) error {
	log, err := f.logger(os.Stderr)
	if err != nil {
		return err
	}
	up, err := f.open(log)
	if err != nil {
		return err
	}
	defer up.close()
	fmt.Fprintf(say.w, "Starting a cluster of %d nodes (%s) in %s\n", f.nodes, f.runtime, f.dataDir)
	return up.run(ctx, say, func(ctx context.Context) error {
		fmt.Fprintf(say.w, "\nThe cluster is up. Use it with\n\n    export KUBECONFIG=%s\n    kubectl get nodes\n\nCtrl-C ends it.\n", up.kubeconfig)
		<-ctx.Done()
		return nil
	})
}

// A running is an opened cluster with what belongs to it.
type running struct {
	*cluster.Cluster
	store      *boltstore.Store
	pki        *pki.PKI
	record     io.Closer        // of the audit log
	machine    *cluster.Machine // nil for nodes in memory
	kubeconfig string
	server     string
}

// open opens the data directory and puts the cluster together.
func (f *upFlags) open(log *slog.Logger) (_ *running, err error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(f.dataDir)
	if err != nil {
		return nil, err
	}
	f.dataDir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	up := &running{kubeconfig: f.kubeconfig}
	if up.kubeconfig == "" {
		up.kubeconfig = filepath.Join(dir, "kubeconfig")
	}
	if up.store, err = boltstore.Open(filepath.Join(dir, "store.db"), boltstore.Options{}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			up.store.Close()
		}
	}()
	if up.pki, err = pki.Open(filepath.Join(dir, "pki")); err != nil {
		return nil, err
	}
	backend, err := f.backend(up, log)
	if err != nil {
		return nil, err
	}
	auditor, record, err := f.audit.open(log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			record.Close()
		}
	}()
	up.record = record
	listener, err := f.listener()
	if err != nil {
		return nil, err
	}
	up.server = "https://" + listener.Addr().String()
	cfg := cluster.Config{
		Store: up.store, PKI: up.pki, Listeners: []net.Listener{listener},
		Nodes: cluster.Nodes(f.nodes), Backend: backend, Logger: log,
		Auditor: auditor, NodeGrace: f.nodeGrace, AutoscaleInterval: f.autoscale,
	}
	f.sealed.apply(&cfg)
	if up.Cluster, err = cluster.New(cfg); err != nil {
		listener.Close()
	}
	return up, err
}

func (f *upFlags) check() error {
	switch {
	case f.nodes < 0:
		return fmt.Errorf("--nodes %d: want 0 or more", f.nodes)
	case f.runtime != runtimeRunc && f.runtime != runtimeGoroutine:
		return fmt.Errorf("--runtime %s: want %s or %s", f.runtime, runtimeRunc, runtimeGoroutine)
	}
	if f.runtime == runtimeGoroutine || f.nodes == 0 {
		return nil
	}
	return checkSystem()
}

// checkSystem says all at once what is missing for runc nodes, and what works
// instead.
func checkSystem() error {
	const instead = "\nwhat works here: --runtime goroutine (nodes in memory), or --nodes 0 (the control plane alone)"
	if runtime.GOOS != "linux" {
		return fmt.Errorf("runc nodes need Linux, and this is %s%s", runtime.GOOS, instead)
	}
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root (sudo coracle up)")
	}
	if _, err := exec.LookPath("nft"); err != nil {
		missing = append(missing, "nft (apt-get install nftables)")
	}
	if _, err := runc.Find(); err != nil {
		missing = append(missing, "runc (make runc)")
	}
	if len(missing) > 0 {
		return fmt.Errorf("runc nodes need %s%s", strings.Join(missing, " and "), instead)
	}
	return nil
}

// backend makes what is behind the nodes.
func (f *upFlags) backend(up *running, log *slog.Logger) (cluster.Backend, error) {
	if f.runtime == runtimeGoroutine || f.nodes == 0 {
		return cluster.NewMemory(cluster.MemoryConfig{
			Dir: filepath.Join(f.dataDir, "memory"), NodePorts: netip.AddrFrom4([4]byte{127, 0, 0, 1}),
		}), nil
	}
	machine, err := cluster.NewMachine(cluster.MachineConfig{
		Dir: f.dataDir, Uplink: f.uplink, KeepPods: f.keepPods, Upstream: upstreamDNS("/etc/resolv.conf"), Logger: log,
	})
	up.machine = machine
	return machine, err
}

func (f *upFlags) listener() (net.Listener, error) {
	l, err := net.Listen("tcp", f.listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program (or another cluster): choose another address with --listen", f.listen)
	}
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", f.listen, err)
	}
	return l, nil
}

// run runs the cluster, and f once it is ready; the cluster ends when f returns.
func (up *running) run(ctx context.Context, say narrator, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- up.Run(ctx)
		cancel()
	}()
	err := up.start(ctx, say)
	if err == nil {
		err = f(ctx)
	}
	cancel()
	failed := <-ended
	if failed != nil && errors.Is(err, context.Canceled) {
		return failed // which is why f was cancelled
	}
	return errors.Join(failed, err)
}

// start waits for the API and writes the kubeconfig.
func (up *running) start(ctx context.Context, say narrator) error {
	err := say.step("the API answers at "+up.server, func() error {
		select {
		case <-up.Ready():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err != nil {
		return err
	}
	return say.step("kubeconfig "+up.kubeconfig, func() error {
		return up.pki.WriteKubeconfig(up.kubeconfig, pki.Kubeconfig{
			Server: up.server, User: pki.UserAdmin, Groups: []string{pki.GroupMasters},
		})
	})
}

func (up *running) close() error { return errors.Join(up.store.Close(), up.record.Close()) }

// upstreamDNS are the name servers of a resolv.conf file.
func upstreamDNS(path string) []string {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var servers []string
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "nameserver" {
			servers = append(servers, net.JoinHostPort(fields[1], "53"))
		}
	}
	return servers
}
