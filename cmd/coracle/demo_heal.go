package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller/podstate"
)

// heal is the third chapter.
func (d *demonstration) heal(ctx context.Context) error {
	pods, err := d.pods(ctx)
	if err != nil {
		return err
	}
	victim := pods[0]
	err = d.step("the process of "+victim.Name+" is killed, and started again", func() error {
		if err := killPod(victim); err != nil {
			return err
		}
		return until(ctx, func(ctx context.Context) (string, error) {
			p, err := client.For[*corev1.Pod](d.admin).Get(ctx, "default", victim.Name)
			if err != nil {
				return "", err
			}
			if s := p.Status.ContainerStatuses; len(s) == 1 && s[0].RestartCount > 0 && podstate.Ready(p) {
				return "", nil
			}
			return "no restart yet", nil
		})
	})
	if err != nil {
		return err
	}
	return d.loseNode(ctx)
}

// killPod kills the processes of a pod from outside, as an accident would.
func killPod(pod *corev1.Pod) error {
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return err
	}
	killed := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(data), "pod"+string(pod.UID)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		if p, err := os.FindProcess(pid); err == nil && p.Kill() == nil {
			killed++
		}
	}
	if killed == 0 {
		return fmt.Errorf("pod %s has no process on this machine", pod.Name)
	}
	return nil
}

// loseNode stops a node that runs a replica but not the client.
func (d *demonstration) loseNode(ctx context.Context) error {
	asking, err := client.For[*corev1.Pod](d.admin).Get(ctx, "default", clientPod)
	if err != nil {
		return err
	}
	pods, err := d.pods(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(pods, func(p *corev1.Pod) bool { return p.Spec.NodeName != asking.Spec.NodeName })
	if i < 0 {
		return fmt.Errorf("no replica runs on another node than the client's")
	}
	node, lost := pods[i].Spec.NodeName, pods[i].Name
	err = d.step(node+" is stopped; its pods are replaced on the others", func() error {
		if err := d.up.StopNode(node); err != nil {
			return err
		}
		return until(ctx, func(ctx context.Context) (string, error) {
			pods, err := d.pods(ctx)
			if err != nil {
				return "", err
			}
			elsewhere := 0
			for _, p := range pods {
				if p.Spec.NodeName != node && podstate.Ready(p) {
					elsewhere++
				}
			}
			if elsewhere == 3 {
				return "", nil
			}
			return fmt.Sprintf("%d pods are ready on other nodes, want 3", elsewhere), nil
		})
	})
	if err != nil {
		return err
	}
	err = d.step("the Service sends it nothing more", func() error {
		r, err := d.ask(ctx, "-n", "60", demoURL)
		if err != nil {
			return err
		}
		if r.Pods[lost] > 0 {
			return fmt.Errorf("pod %s of the lost node answered", lost)
		}
		return r.allAnswered(3)
	})
	if err != nil {
		return err
	}
	return d.step(node+" comes back", func() error {
		if err := d.up.StartNode(node); err != nil {
			return err
		}
		if err := d.nodesReady(ctx, 3); err != nil {
			return err
		}
		_, err := d.serving(ctx, 3, "")
		return err
	})
}
