package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"path/filepath"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
)

// partFlags are the flags of every part that is a client of the API server.
type partFlags struct {
	logFlags
	health     string
	kubeconfig string
}

// register adds the flags. port is the one of the part's health in Kubernetes.
func (f *partFlags) register(cmd *cobra.Command, port int) {
	f.logFlags.register(cmd)
	healthFlag(cmd, &f.health, fmt.Sprintf("127.0.0.1:%d", port))
	cmd.Flags().StringVar(&f.kubeconfig, "kubeconfig", "", "file that says where the API server is and who this part is (required)")
	cmd.MarkFlagRequired("kubeconfig")
}

func healthFlag(cmd *cobra.Command, value *string, address string) {
	cmd.Flags().StringVar(value, "health-listen", address,
		"address of /healthz and /metrics, over plain HTTP; empty for none")
}

// A part is what a part works with.
type part struct {
	client  *client.Client
	metrics *prometheus.Registry
	log     *slog.Logger
}

// run connects a part to its API server, and serves its health beside it. It says
// on w that the part runs.
func (f *partFlags) run(cmd *cobra.Command, run func(ctx context.Context, p part) error) error {
	log, err := f.logger(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	p := part{metrics: cluster.NewMetrics(), log: log}
	if p.client, err = client.FromKubeconfig(f.kubeconfig); err != nil {
		return kubeconfigAdvice(err)
	}
	say(cmd, "%s runs, with the API server of %s\n", cmd.Name(), f.kubeconfig)
	return withHealth(cmd.Context(), f.health, p.metrics, log, func(ctx context.Context) error { return run(ctx, p) })
}

// kubeconfigAdvice adds where a file comes from that is not there.
func kubeconfigAdvice(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: `coracle apiserver` writes the files of the parts into DATA-DIR/kubeconfigs, `coracle kubeconfig` those of nodes and people", err)
	}
	return err
}

// withHealth runs a part with its health served beside it, until either fails or
// ctx ends.
func withHealth(ctx context.Context, listen string, metrics prometheus.Gatherer, log *slog.Logger, run func(context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	if listen != "" {
		listener, err := listenTCP(listen, "--health-listen")
		if err != nil {
			return err
		}
		g.Go(func() error { return cluster.ServeHealth(ctx, listener, metrics, log) })
	}
	g.Go(func() error {
		if err := run(ctx); err != nil {
			return err
		}
		return ctx.Err() // A part that ends by itself ends its health too.
	})
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// listenTCP opens a port, and says which flag names another.
func listenTCP(address, flag string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program: choose another address with %s", address, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, address, err)
	}
	return l, nil
}

// say tells people something, on standard output.
func say(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintf(cmd.OutOrStdout(), format, args...)
}

// kubeconfigPath is where the API server with a data directory writes the
// kubeconfig of a part.
func kubeconfigPath(dataDir, name string) string {
	return filepath.Join(dataDir, "kubeconfigs", name+".conf")
}
