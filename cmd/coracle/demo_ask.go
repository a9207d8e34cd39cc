package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/coracle-k8s/coracle/client"
)

const (
	demoURL    = "http://demo.default.svc.cluster.local"
	clientPod  = "client"
	demoPods   = "app=demo"
	patience   = 2 * time.Minute
	betweenAsk = 100 * time.Millisecond
)

// until waits for a condition, which says of itself what is missing.
func until(ctx context.Context, condition func(ctx context.Context) (missing string, err error)) error {
	missing := ""
	err := wait.PollUntilContextTimeout(ctx, betweenAsk, patience, true, func(ctx context.Context) (bool, error) {
		var err error
		missing, err = condition(ctx)
		if err != nil { // The API may be away for a moment.
			missing = err.Error()
		}
		return missing == "", nil
	})
	if err != nil && missing != "" && ctx.Err() == nil {
		return fmt.Errorf("waited for %s in vain: %s", patience, missing)
	}
	return err
}

// A report is what the client inside the cluster saw.
type report struct {
	Requests, Failed int
	Pods, Versions   map[string]int
	Errors           []string
}

// ask runs the client in its pod.
func (d *demonstration) ask(ctx context.Context, args ...string) (r report, err error) {
	out, err := d.kube.run(ctx, append([]string{"exec", clientPod, "--", "/app/app", "get"}, args...)...)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		return r, fmt.Errorf("the client's report: %w: %s", err, out)
	}
	return r, nil
}

// load keeps the client asking until stop is called, which returns what it saw.
func (d *demonstration) load(ctx context.Context, args ...string) (stop func() (report, error), err error) {
	cmd := d.kube.command(ctx, append([]string{"exec", "-i", clientPod, "--", "/app/app", "get", "-until-eof"}, args...)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return sync.OnceValues(func() (r report, err error) {
		in.Close()
		if err := cmd.Wait(); err != nil {
			return r, fmt.Errorf("the client: %w: %s", err, errOut.String())
		}
		return r, json.Unmarshal(out.Bytes(), &r)
	}), nil
}

// allAnswered checks a report: nothing failed, and n pods answered.
func (r report) allAnswered(n int) error {
	if r.Failed > 0 {
		return fmt.Errorf("%d of %d requests failed: %v", r.Failed, r.Requests, r.Errors)
	}
	if len(r.Pods) != n {
		return fmt.Errorf("%d pods answered, want %d: %v", len(r.Pods), n, r.Pods)
	}
	return nil
}

// balance is the second chapter.
func (d *demonstration) balance(ctx context.Context) error {
	svc, err := client.For[*corev1.Service](d.admin).Get(ctx, "default", "demo")
	if err != nil {
		return err
	}
	for _, url := range []string{demoURL, "http://" + svc.Spec.ClusterIP} {
		var r report
		err := d.step("60 requests to "+url+" are answered by all replicas", func() error {
			if r, err = d.ask(ctx, "-n", "60", url); err != nil {
				return err
			}
			return r.allAnswered(3)
		})
		if err != nil {
			return err
		}
		for _, pod := range slices.Sorted(maps.Keys(r.Pods)) {
			d.tell("%s  %d", pod, r.Pods[pod])
		}
	}
	return nil
}
