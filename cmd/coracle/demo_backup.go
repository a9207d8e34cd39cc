package main

import (
	"context"
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
)

// backup is the seventh chapter.
func (d *demonstration) backup(ctx context.Context) error {
	file := filepath.Join(d.dir, "snapshot")
	err := d.step("the store's snapshot is saved", func() error { return d.up.save(file) })
	if err != nil {
		return err
	}
	err = d.step("everything is deleted", func() error {
		for _, args := range [][]string{
			{"delete", "deployment,service,configmap,secret,pvc", "demo", "--timeout=60s"},
			{"delete", "pod", clientPod, "--timeout=60s"},
		} {
			if _, err := d.kube.run(ctx, args...); err != nil {
				return err
			}
		}
		return until(ctx, func(ctx context.Context) (string, error) {
			list, err := client.For[*corev1.Pod](d.admin).List(ctx, "default", client.ListOptions{})
			if err != nil || len(list.Items) == 0 {
				return "", err
			}
			return fmt.Sprintf("%d pods are left", len(list.Items)), nil
		})
	})
	if err != nil {
		return err
	}
	return d.step("the snapshot is restored, and the application is back", func() error {
		if err := d.up.restore(ctx, file); err != nil {
			return err
		}
		if _, err := d.serving(ctx, 3, "v2"); err != nil {
			return err
		}
		return until(ctx, func(ctx context.Context) (string, error) {
			r, err := d.ask(ctx, "-n", "30", demoURL)
			if err != nil {
				return "", err
			}
			if err := r.allAnswered(3); err != nil {
				return err.Error(), nil
			}
			return "", nil
		})
	})
}
