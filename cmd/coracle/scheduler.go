package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/cluster"
)

func schedulerCommand() *cobra.Command {
	var f partFlags
	var elect bool
	cmd := &cobra.Command{
		Use: "scheduler", GroupID: "part",
		Short: "Choose a node for each pod",
		Long: `Choose a node for each pod that has none. Several schedulers can run for the same
API server; one of them works, and when it fails another takes over.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd, func(ctx context.Context, p part) error {
				run := func(ctx context.Context) error { return cluster.RunScheduler(ctx, p.client, p.log) }
				if !elect {
					return run(ctx)
				}
				return cluster.Lead(ctx, p.client, "kube-scheduler", run)
			})
		},
	}
	f.register(cmd, 10259)
	electFlag(cmd, &elect)
	return cmd
}

func electFlag(cmd *cobra.Command, value *bool) {
	cmd.Flags().BoolVar(value, "leader-elect", true, "work only while holding the Lease, so that several can run")
}
