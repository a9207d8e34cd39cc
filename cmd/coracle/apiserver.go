package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/pki"
)

// apiserverFlags are the flags of `coracle apiserver`.
type apiserverFlags struct {
	logFlags
	storeFlags
	audit     auditFlags
	sealed    encryptionFlags
	dataDir   string
	listen    string
	advertise string
	hosts     []string
	services  string
	health    string
	delay     time.Duration
}

func apiserverCommand() *cobra.Command {
	var f apiserverFlags
	cmd := &cobra.Command{
		Use: "apiserver", GroupID: "part",
		Short: "Serve the Kubernetes API over a store",
		Long: `Serve the Kubernetes API over a store. This is the first part to start: all the
others are its clients.

The first start makes the cluster's certificates, in DATA-DIR/pki. Once the API
answers, the identities of the other parts are in DATA-DIR/kubeconfigs, as files
that kubectl and the parts take as --kubeconfig:

    admin.conf  scheduler.conf  controller-manager.conf  proxy.conf  dns.conf

Each node has an identity of its own, which coracle kubeconfig --node makes.

Objects are kept in DATA-DIR/store.db, or in memory (--store memory), or in etcd
(--store etcd://HOST:PORT,HOST:PORT), which may be coracle store.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.logFlags.register(cmd)
	f.storeFlags.register(cmd)
	f.audit.register(cmd)
	f.sealed.register(cmd)
	cmd.Flags().StringVar(&f.dataDir, "data-dir", defaultDataDir(), "directory of certificates, kubeconfigs and objects")
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:6443", "address of the API, over TLS")
	cmd.Flags().StringVar(&f.advertise, "advertise", "", "IP:PORT at which nodes and pods reach the API (default the one of --listen)")
	cmd.Flags().StringSliceVar(&f.hosts, "host", nil, "further names and addresses of the API server, for its certificate")
	cmd.Flags().StringVar(&f.services, "service-cidr", cluster.DefaultServices.String(), "range of the ClusterIPs")
	cmd.Flags().DurationVar(&f.delay, "shutdown-delay-duration", 0,
		"how long to go on answering once the end has begun, while /readyz says already that the server is not ready")
	healthFlag(cmd, &f.health, "") // The API has /healthz and /metrics itself.
	return cmd
}

// collectAt is by how many percent the memory may grow before the collector comes
// by again. Most of it are objects as they are stored, into which the collector does not
// look, so it may come sooner than the 100 of Go: that takes a fifth of the memory
// away and adds a twentieth to the time of a write.
const collectAt = 70

func (f *apiserverFlags) run(cmd *cobra.Command) (err error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	log, err := f.logger(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	cfg, err := f.config(log)
	if err != nil {
		return err
	}
	st, err := f.open(cmd.Context(), filepath.Join(f.dataDir, "store.db"), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	cfg.Store = st
	auditor, record, err := f.audit.open(log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, record.Close()) }()
	cfg.Auditor = auditor
	f.sealed.apply(&cfg)
	listener, err := listenTCP(f.listen, "--listen")
	if err != nil {
		return err
	}
	cfg.Listeners = []net.Listener{listener}
	return withHealth(cmd.Context(), f.health, cluster.NewMetrics(), log, func(ctx context.Context) error {
		return cluster.RunAPI(ctx, cfg, func() error {
			server := "https://" + cfg.Advertise.String()
			if err := writeKubeconfigs(cfg.PKI, f.dataDir, server); err != nil {
				return err
			}
			say(cmd, "The API answers at %s. Use it with\n\n    export KUBECONFIG=%s\n\n", server, kubeconfigPath(f.dataDir, "admin"))
			return nil
		})
	})
}

// config is all that does not need the store or the port.
func (f *apiserverFlags) config(log *slog.Logger) (cluster.Config, error) {
	cfg := cluster.Config{Hosts: f.hosts, ShutdownDelay: f.delay, MaxHistory: f.maxHistory(), Logger: log}
	var err error
	if f.dataDir, err = filepath.Abs(f.dataDir); err != nil {
		return cfg, err
	}
	if cfg.Services, err = netip.ParsePrefix(f.services); err != nil {
		return cfg, fmt.Errorf("--service-cidr: %w", err)
	}
	if cfg.Advertise, err = f.advertised(); err != nil {
		return cfg, err
	}
	if err := os.MkdirAll(f.dataDir, 0o700); err != nil {
		return cfg, fmt.Errorf("data directory: %w", err)
	}
	cfg.PKI, err = pki.Open(filepath.Join(f.dataDir, "pki"))
	return cfg, err
}

// advertised is where others reach the API.
func (f *apiserverFlags) advertised() (netip.AddrPort, error) {
	if f.advertise != "" {
		addr, err := netip.ParseAddrPort(f.advertise)
		if err != nil {
			return addr, fmt.Errorf("--advertise %s: want IP:PORT", f.advertise)
		}
		return addr, nil
	}
	addr, err := netip.ParseAddrPort(f.listen)
	switch {
	case err != nil:
		return addr, fmt.Errorf("--listen %s: want IP:PORT", f.listen)
	case addr.Addr().IsUnspecified() || addr.Port() == 0:
		return addr, fmt.Errorf("--listen %s names no address that others could connect to: say which with --advertise", f.listen)
	}
	return addr, nil
}

// writeKubeconfigs makes an identity for each part that is not a node.
func writeKubeconfigs(authority *pki.PKI, dataDir, server string) error {
	var errs []error
	for name, user := range map[string]string{
		"admin": pki.UserAdmin, "scheduler": pki.UserScheduler, "controller-manager": pki.UserControllerManager,
		"proxy": pki.UserProxy, "dns": pki.UserDNS,
	} {
		k := pki.Kubeconfig{Server: server, User: user}
		if user == pki.UserAdmin {
			k.Groups = []string{pki.GroupMasters}
		}
		errs = append(errs, authority.WriteKubeconfig(kubeconfigPath(dataDir, name), k))
	}
	return errors.Join(errs...)
}
