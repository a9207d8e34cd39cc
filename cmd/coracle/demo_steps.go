package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller/podstate"
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
		if err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
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
