package main

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller/podstate"
)

// deploy is the first chapter.
func (d *demonstration) deploy(ctx context.Context) error {
	err := d.step("three nodes are ready", func() error { return d.nodesReady(ctx, 3) })
	if err != nil {
		return err
	}
	if err := d.apply(ctx); err != nil {
		return err
	}
	var pods []*corev1.Pod
	err = d.step("3 pods are ready, each on a node and with an address of its own", func() error {
		if pods, err = d.serving(ctx, 3, "v1"); err != nil {
			return err
		}
		nodes, ips := map[string]bool{}, map[string]bool{}
		for _, p := range pods {
			nodes[p.Spec.NodeName], ips[p.Status.PodIP] = true, true
		}
		if len(nodes) != 3 || len(ips) != 3 {
			return fmt.Errorf("on %d nodes with %d addresses, want 3 and 3", len(nodes), len(ips))
		}
		return nil
	})
	for _, p := range pods {
		d.tell("%s  %s  %s", p.Name, p.Status.PodIP, p.Spec.NodeName)
	}
	return err
}

// nodesReady waits until n nodes are ready.
func (d *demonstration) nodesReady(ctx context.Context, n int) error {
	return until(ctx, func(ctx context.Context) (string, error) {
		list, err := client.For[*corev1.Node](d.admin).List(ctx, "", client.ListOptions{})
		if err != nil {
			return "", err
		}
		ready := 0
		for _, node := range list.Items {
			for _, c := range node.Status.Conditions {
				if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
					ready++
				}
			}
		}
		if ready == n {
			return "", nil
		}
		return fmt.Sprintf("%d nodes are ready, want %d", ready, n), nil
	})
}

// apply creates the application, and the pod that asks it.
func (d *demonstration) apply(ctx context.Context) error {
	return d.step("kubectl apply -f app.yaml", func() error {
		path, err := d.manifest("app.yaml")
		if err != nil {
			return err
		}
		if _, err := d.kube.run(ctx, "apply", "-f", path); err != nil {
			return err
		}
		_, err = d.kube.run(ctx, "run", clientPod, "--image=demo:v1", "--image-pull-policy=IfNotPresent",
			"--restart=Always", "--command", "--", "/app/app", "wait")
		if err != nil {
			return err
		}
		_, err = d.kube.run(ctx, "wait", "--for=condition=Ready", "pod/"+clientPod, "--timeout=60s")
		return err
	})
}

// pods are the application's pods that are not on their way out.
func (d *demonstration) pods(ctx context.Context) ([]*corev1.Pod, error) {
	list, err := client.For[*corev1.Pod](d.admin).List(ctx, "default", client.ListOptions{LabelSelector: demoPods})
	if err != nil {
		return nil, err
	}
	return podstate.Active(list.Items), nil
}

// serving waits until exactly n pods of the application there are, all ready
// and of the given version, if any.
func (d *demonstration) serving(ctx context.Context, n int, version string) ([]*corev1.Pod, error) {
	var pods []*corev1.Pod
	err := until(ctx, func(ctx context.Context) (string, error) {
		var err error
		if pods, err = d.pods(ctx); err != nil {
			return "", err
		}
		ready := 0
		for _, p := range pods {
			if podstate.Ready(p) && (version == "" || strings.HasSuffix(p.Spec.Containers[0].Image, ":"+version)) {
				ready++
			}
		}
		if len(pods) == n && ready == n {
			return "", nil
		}
		return fmt.Sprintf("%d of %d pods ready, want %d", ready, len(pods), n), nil
	})
	return pods, err
}
