package main

import (
	"context"
	"fmt"
	"strings"
)

// scale is the fourth chapter.
func (d *demonstration) scale(ctx context.Context) error {
	for _, n := range []int{5, 3} {
		err := d.step(fmt.Sprintf("kubectl scale deployment demo --replicas=%d", n), func() error {
			if _, err := d.kube.run(ctx, "scale", "deployment", "demo", fmt.Sprintf("--replicas=%d", n)); err != nil {
				return err
			}
			_, err := d.serving(ctx, n, "")
			return err
		})
		if err != nil {
			return err
		}
	}
	return d.autoscale(ctx)
}

func (d *demonstration) autoscale(ctx context.Context) error {
	path, err := d.manifest("hpa.yaml")
	if err != nil {
		return err
	}
	if _, err := d.kube.run(ctx, "apply", "-f", path); err != nil {
		return err
	}
	stop, err := d.load(ctx, "-c", "6", demoURL+"/burn?ms=200")
	if err != nil {
		return err
	}
	defer stop()
	err = d.step("under load the autoscaler adds pods", func() error {
		return until(ctx, func(ctx context.Context) (string, error) {
			pods, err := d.pods(ctx)
			if err != nil || len(pods) > 3 {
				return "", err
			}
			return "still 3 pods", nil
		})
	})
	if err != nil {
		out, _ := d.kube.run(ctx, "describe", "hpa", "demo")
		return fmt.Errorf("%w\n%s", err, out)
	}
	if out, err := d.kube.run(ctx, "top", "pods", "-l", demoPods); err == nil {
		for line := range strings.Lines(out) {
			d.tell("%s", strings.TrimRight(line, "\n"))
		}
	} else {
		return err
	}
	if _, err := stop(); err != nil {
		return err
	}
	err = d.step("without load it takes them away again", func() error {
		_, err := d.serving(ctx, 3, "")
		return err
	})
	_, deleted := d.kube.run(ctx, "delete", "hpa", "demo")
	if err != nil {
		return err
	}
	return deleted
}
