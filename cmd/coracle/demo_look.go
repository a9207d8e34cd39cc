package main

import (
	"context"
	"fmt"
	"strings"
)

// look is the sixth chapter.
func (d *demonstration) look(ctx context.Context) error {
	pods, err := d.pods(ctx)
	if err != nil {
		return err
	}
	pod := pods[0].Name
	err = d.step("kubectl logs "+pod, func() error {
		out, err := d.kube.run(ctx, "logs", pod)
		if err == nil && !strings.Contains(out, "serves on :8080") {
			err = fmt.Errorf("the log does not say that it serves: %q", out)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := d.step("kubectl exec -it "+pod+" -- app talk", func() error { return d.talk(ctx, pod) }); err != nil {
		return err
	}
	return d.step("kubectl port-forward service/demo", func() error { return d.forward(ctx) })
}
