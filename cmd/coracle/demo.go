package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/examples/demo"
	"github.com/coracle-k8s/coracle/runtime/image"
)

// demoApp is the demo's program, to be built from its sources.
const demoApp = "./examples/demo/app"

// demoCommand is `coracle demo`.
func demoCommand() *cobra.Command {
	f := upFlags{}
	var exit bool
	cmd := &cobra.Command{
		Use:     "demo",
		GroupID: "cluster",
		Short:   "Start a cluster, deploy an application, show what an orchestrator does",
		Long: `Start a cluster of three nodes on this machine, deploy an application, and show,
step by step, what an orchestrator does with it. Each step is checked for real. The
cluster then stays up until Ctrl-C, for you to look around with kubectl; its state is
removed at the end.

It runs from the sources, since it builds the application's images from them, and
needs root, nftables, runc and kubectl: "make demo" sees to those.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.demo(cmd.Context(), narrator{cmd.OutOrStdout()}, exit)
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&exit, "exit", false, "end after the last step, with an error if any step failed")
	// A demo has a place of its own, and no patience.
	set := func(name, value string) {
		flag := cmd.Flags().Lookup(name)
		flag.DefValue = value
		flag.Value.Set(value)
	}
	set("data-dir", filepath.Join(os.TempDir(), "coracle-demo"))
	set("verbosity", "error")
	set("node-grace", "8s")
	set("autoscale-interval", "3s")
	return cmd
}

// A demonstration is a demo under way.
type demonstration struct {
	narrator
	up     *running
	admin  *client.Client
	kube   kubectl
	dir    string // for files
	failed []string
}

func (f *upFlags) demo(ctx context.Context, say narrator, exit bool) (err error) {
	log, err := f.logger(os.Stderr)
	if err != nil {
		return err
	}
	if f.nodes != 3 || f.runtime != runtimeRunc {
		return errors.New("the demo is written for three runc nodes: start others with coracle up")
	}
	if err := checkSystem(); err != nil {
		return err
	}
	kube, err := findKubectl()
	if err != nil {
		return err
	}
	start := time.Now()
	fmt.Fprintln(say.w, "Coracle: a cluster on this machine, and what it does with an application")
	// A demo starts from nothing, also after one that was killed.
	if err := f.removeDemo(ctx, say); err != nil {
		return err
	}
	if err := f.markDemo(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.removeDemo(context.WithoutCancel(ctx), narrator{nowhere{}})) }()
	up, err := f.open(log)
	if err != nil {
		return err
	}
	defer up.close()
	d := &demonstration{narrator: say, up: up, kube: kube, dir: f.dataDir}
	d.kube.kubeconfig = up.kubeconfig
	d.chapter("The cluster", "one control plane and three nodes, each with a network of its own")
	if err := d.buildImages(ctx); err != nil {
		return err
	}
	return up.run(ctx, say, func(ctx context.Context) error {
		d.admin = up.Admin()
		d.play(ctx)
		if ctx.Err() != nil {
			return nil
		}
		return d.finish(ctx, start, exit)
	})
}

// removeDemo removes what a demo leaves, or a killed one left, with all its data.
func (f *upFlags) removeDemo(ctx context.Context, say narrator) error {
	dir, err := filepath.Abs(f.dataDir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, demoMark)); err != nil {
		return fmt.Errorf("%s was not made by a demo: remove it yourself, or name another --data-dir", dir)
	}
	return say.step("removed what an earlier demo left", func() error {
		if err := cluster.PurgeMachine(ctx, cluster.MachineConfig{Dir: dir}); err != nil {
			return err
		}
		return os.RemoveAll(dir)
	})
}

// demoMark is the file by which a demo knows its directory again.
const demoMark = "coracle-demo"

// markDemo makes the demo's directory, with the mark in it before anything else.
func (f *upFlags) markDemo() error {
	if err := os.MkdirAll(f.dataDir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(f.dataDir, demoMark), nil, 0o600)
}

// nowhere is a writer for what nobody needs to see.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// play goes through the chapters. One that fails does not keep the next ones
// from being tried, except the first.
func (d *demonstration) play(ctx context.Context) {
	chapters := []struct {
		title, about string
		run          func(context.Context) error
	}{
		{"1. Deploying", "a Deployment of 3 replicas with ConfigMap, Secret, volume and Service", d.deploy},
		{"2. Load balancing", "60 requests from inside a pod, by name and by address", d.balance},
		{"3. Self-healing", "a process is killed, then a whole node", d.heal},
		{"4. Scaling", "by hand, then by processor load", d.scale},
		{"5. Rolling out", "v1 to v2 under load, a version that crashes, and back", d.roll},
		{"6. Looking inside", "logs, exec with a terminal, port-forward", d.look},
		{"7. Backup", "a snapshot is saved, everything deleted, the snapshot restored", d.backup},
	}
	for i, c := range chapters {
		d.chapter(c.title, c.about)
		if err := c.run(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			d.failed = append(d.failed, c.title)
			fmt.Fprintf(d.w, "    %v\n", err)
			if i == 0 {
				return
			}
		}
	}
}

func (d *demonstration) finish(ctx context.Context, start time.Time, exit bool) error {
	if len(d.failed) > 0 {
		fmt.Fprintf(d.w, "\nFailed: %v\n", d.failed)
	} else {
		fmt.Fprintf(d.w, "\nAll of it worked, in %s.\n", took(start))
	}
	if !exit {
		fmt.Fprintf(d.w, "\nThe cluster stays up. Look around in another terminal with\n\n    export KUBECONFIG=%s\n    %s get pods -o wide\n\nCtrl-C ends it and leaves nothing behind.\n", d.up.kubeconfig, d.kube.path)
		<-ctx.Done()
	}
	if len(d.failed) > 0 {
		return fmt.Errorf("%d of the demo's steps failed", len(d.failed))
	}
	return nil
}

func (d *demonstration) chapter(title, about string) {
	fmt.Fprintf(d.w, "\n%s: %s\n", title, about)
}

// tell prints text below a step.
func (d *demonstration) tell(format string, args ...any) {
	fmt.Fprintf(d.w, "      %s\n", fmt.Sprintf(format, args...))
}

// buildImages builds the three versions of the application.
func (d *demonstration) buildImages(ctx context.Context) error {
	if _, err := os.Stat(demoApp); err != nil {
		return fmt.Errorf("%s is not here: run the demo in the sources of Coracle", demoApp)
	}
	for _, version := range []string{"v1", "v2", "v3"} {
		err := d.step("image demo:"+version+" built from "+demoApp, func() error {
			img, err := image.BuildGo(ctx, image.GoBuild{Package: demoApp, Vars: map[string]string{"main.version": version}})
			if err != nil {
				return err
			}
			_, err = d.up.machine.Images().Add(ctx, img, "demo:"+version)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// manifest writes one of the demo's manifests to a file and returns its path.
func (d *demonstration) manifest(name string) (string, error) {
	data, err := demo.Files.ReadFile(name)
	if err != nil {
		return "", err
	}
	path := filepath.Join(d.dir, name)
	return path, os.WriteFile(path, data, 0o600)
}
