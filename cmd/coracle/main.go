// Command coracle runs a Kubernetes cluster, or any one part of it.
//
//	coracle demo                 a cluster, an application, and what an orchestrator does with it
//	coracle up                   a cluster
//	coracle apiserver, scheduler, controller-manager, kubelet, proxy, dns, store
//	                             one part, as a process of its own
//	coracle image                build, load and list images
//	coracle snapshot             save, restore and check the cluster's state
//
// Every command explains itself with --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/runtime/runc"
)

func main() {
	runc.ShimMain() // This process may be the companion of a container.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		if !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "coracle:", err)
		}
		os.Exit(1)
	}
}

// command returns the command line, freshly made, so that tests can run it too.
func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "coracle",
		Short:         "A Kubernetes small enough to read, real enough to use",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddGroup(
		&cobra.Group{ID: "cluster", Title: "A whole cluster:"},
		&cobra.Group{ID: "part", Title: "One part of a cluster, as a process of its own:"},
		&cobra.Group{ID: "tool", Title: "Tools:"},
	)
	root.AddCommand(upCommand(), demoCommand(), imageCommand(), snapshotCommand())
	root.AddCommand(apiserverCommand(), schedulerCommand(), controllerManagerCommand(), kubeletCommand(), proxyCommand(), dnsCommand(), storeCommand(), kubeconfigCommand())
	return root
}
