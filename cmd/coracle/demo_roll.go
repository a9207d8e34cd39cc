package main

import (
	"context"
	"fmt"
	"time"
)

// roll is the fifth chapter.
func (d *demonstration) roll(ctx context.Context) error {
	stop, err := d.load(ctx, "-c", "2", demoURL)
	if err != nil {
		return err
	}
	defer stop()
	err = d.step("kubectl set image: v2 replaces v1", func() error {
		time.Sleep(time.Second) // Some load before it starts.
		if _, err := d.kube.run(ctx, "set", "image", "deployment/demo", "app=demo:v2"); err != nil {
			return err
		}
		if _, err := d.kube.run(ctx, "rollout", "status", "deployment/demo", "--timeout=60s"); err != nil {
			return err
		}
		if _, err := d.serving(ctx, 3, "v2"); err != nil {
			return err
		}
		time.Sleep(time.Second) // And some after it ended.
		return nil
	})
	if err != nil {
		return err
	}
	var seen report
	err = d.step("no request failed meanwhile", func() error {
		r, err := stop()
		if err != nil {
			return err
		}
		if r.Failed > 0 || r.Versions["v1"] == 0 || r.Versions["v2"] == 0 {
			return fmt.Errorf("%d of %d failed, answered by %v: %v", r.Failed, r.Requests, r.Versions, r.Errors)
		}
		seen = r
		return nil
	})
	if err != nil {
		return err
	}
	d.tell("%d requests: %d answered by v1, %d by v2, 0 failed", seen.Requests, seen.Versions["v1"], seen.Versions["v2"])
	return d.rollBad(ctx)
}

// rollBad rolls out a version that cannot work, and takes it back.
func (d *demonstration) rollBad(ctx context.Context) error {
	err := d.step("v3 crashes on start: it never becomes ready, v2 keeps serving", func() error {
		if _, err := d.kube.run(ctx, "set", "image", "deployment/demo", "app=demo:v3"); err != nil {
			return err
		}
		err := until(ctx, func(ctx context.Context) (string, error) {
			pods, err := d.pods(ctx)
			for _, p := range pods {
				for _, s := range p.Status.ContainerStatuses {
					if s.State.Waiting != nil && s.State.Waiting.Reason == "CrashLoopBackOff" {
						return "", nil
					}
				}
			}
			return "no pod is in CrashLoopBackOff", err
		})
		if err != nil {
			return err
		}
		r, err := d.ask(ctx, "-n", "30", demoURL)
		if err != nil {
			return err
		}
		if r.Failed > 0 || r.Versions["v2"] != r.Requests {
			return fmt.Errorf("%d of %d failed, answered by %v: %v", r.Failed, r.Requests, r.Versions, r.Errors)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.step("kubectl rollout undo: back to v2", func() error {
		if _, err := d.kube.run(ctx, "rollout", "undo", "deployment/demo"); err != nil {
			return err
		}
		if _, err := d.serving(ctx, 3, "v2"); err != nil {
			return err
		}
		_, err := d.kube.run(ctx, "rollout", "status", "deployment/demo", "--timeout=60s")
		return err
	})
}
