package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/manager"
	"github.com/coracle-k8s/coracle/controller/volume"
	"github.com/coracle-k8s/coracle/pki"
)

// managerFlags are the flags of `coracle controller-manager`.
type managerFlags struct {
	partFlags
	rootCA    string
	volumes   string
	signing   string
	without   []string
	elect     bool
	nodeGrace time.Duration
	autoscale time.Duration
}

func controllerManagerCommand() *cobra.Command {
	var f managerFlags
	cmd := &cobra.Command{
		Use: "controller-manager", GroupID: "part",
		Short: "Run the controllers",
		Long: `Run the controllers, each of which makes one kind of wish come true. Several
managers can run for the same API server; one of them works, and when it fails
another takes over. The controllers are:

    ` + strings.Join(controllers(), "\n    "),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd, func(ctx context.Context, p part) error {
				opts, err := f.options(p)
				if err != nil {
					return err
				}
				return cluster.RunControllers(ctx, p.client, opts)
			})
		},
	}
	f.register(cmd, 10257)
	electFlag(cmd, &f.elect)
	cmd.Flags().StringVar(&f.rootCA, "root-ca", "", "file of the certificate by which pods know the API server, DATA-DIR/pki/ca.crt of the API server; without it pods are not told")
	cmd.Flags().StringVar(&f.volumes, "volume-dir", "", "directory for volumes, the same path on every node; without it claims wait for volumes that others make")
	cmd.Flags().StringVar(&f.signing, "signing-pki", "", "directory of the authority that signs certificates on request, DATA-DIR/pki of the API server; without it requests wait for another signer")
	cmd.Flags().StringSliceVar(&f.without, "without", nil, "controllers to leave out")
	cmd.Flags().DurationVar(&f.nodeGrace, "node-grace", 40*time.Second, "how long a node may be silent before it counts as gone")
	cmd.Flags().DurationVar(&f.autoscale, "autoscale-interval", 15*time.Second, "how often horizontal pod autoscalers decide")
	return cmd
}

// controllers are the names of all controllers.
func controllers() []string {
	var names []string
	for _, c := range manager.Builtin() {
		names = append(names, c.Name)
	}
	return names
}

func (f *managerFlags) options(p part) (manager.Options, error) {
	opts := manager.Options{
		NodeGrace: f.nodeGrace, AutoscaleInterval: f.autoscale, Without: f.without, Logger: p.log,
	}
	for _, name := range f.without {
		if !slices.Contains(controllers(), name) {
			return opts, fmt.Errorf("--without %s: there is no such controller, see --help for those that there are", name)
		}
	}
	var err error
	if f.rootCA != "" {
		if opts.RootCA, err = os.ReadFile(f.rootCA); err != nil {
			return opts, fmt.Errorf("--root-ca: %w", err)
		}
	}
	if f.volumes != "" {
		opts.Volumes = &volume.ProvisionerConfig{Dir: f.volumes}
	}
	if f.signing != "" {
		if _, err := os.Stat(filepath.Join(f.signing, pki.CAName+".key")); err != nil {
			return opts, fmt.Errorf("--signing-pki: %w", err)
		}
		authority, err := pki.Open(f.signing)
		if err != nil {
			return opts, fmt.Errorf("--signing-pki: %w", err)
		}
		opts.Authority = authority
	}
	if f.elect {
		opts.Leader = cluster.LeadOptions("kube-controller-manager")
	}
	opts.Metrics, err = controller.NewMetrics(p.metrics)
	return opts, err
}
