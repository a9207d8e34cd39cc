package cluster_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Parallel()
	synctest.Test(t, test)
}

// app answers every request with its version and the pod's name.
func app(version string) goroutine.Program {
	return goroutine.Serve(":8080", func(p *goroutine.Process) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "%s %s", version, p.Pod.Name)
		})
	})
}

// web returns a Deployment of app with a Service. As every service that is to be
// updated without a failed request, it keeps serving for a while when it is
// asked to stop: until nobody sends it anything more.
func web(image string, replicas int) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  progressDeadlineSeconds: 60
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: %s
        ports: [{name: http, containerPort: 8080}]
        resources: {requests: {cpu: 100m}}
        lifecycle: {preStop: {sleep: {seconds: 2}}}
        readinessProbe: {httpGet: {port: http}, periodSeconds: 1}
`, replicas, image)
}

// setImage changes the Deployment web.
func setImage(t *testing.T, c *clustertest.Cluster, image string) {
	t.Helper()
	_, err := clustertest.For[*appsv1.Deployment](c).Modify(t.Context(), "default", "web", func(d *appsv1.Deployment) error {
		d.Spec.Template.Spec.Containers[0].Image = image
		return nil
	})
	require.NoError(t, err)
}

// rolledOut reports whether a Deployment is all that it should be, as kubectl
// rollout status does.
func rolledOut(c *clustertest.Cluster, name string) bool {
	d := clustertest.Get[*appsv1.Deployment](c, "default", name)
	want := *d.Spec.Replicas
	return d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == want &&
		d.Status.Replicas == want && d.Status.AvailableReplicas == want
}

// waitRolledOut waits for a Deployment.
func waitRolledOut(c *clustertest.Cluster, name string) {
	c.WaitFor("rollout of "+name, func() bool { return rolledOut(c, name) })
}

// waitServing waits until the Service web has n endpoints, and its proxies know.
func waitServing(c *clustertest.Cluster, n int) {
	c.WaitFor(fmt.Sprintf("%d endpoints", n), func() bool { return len(endpoints(c)) == n })
	time.Sleep(time.Second)
}

// podsOf returns the pods with a label app that are not about to go.
func podsOf(c *clustertest.Cluster, app string) []*corev1.Pod {
	return slices.DeleteFunc(clustertest.List[*corev1.Pod](c, "default", "app="+app), func(p *corev1.Pod) bool {
		return p.DeletionTimestamp != nil
	})
}

// pod returns a pod of namespace default.
func pod(c *clustertest.Cluster, name string) *corev1.Pod {
	return clustertest.Get[*corev1.Pod](c, "default", name)
}

// waitPhase waits for a pod's phase.
func waitPhase(c *clustertest.Cluster, name string, phase corev1.PodPhase) {
	c.WaitFor(fmt.Sprintf("pod %s to be %s", name, phase), func() bool { return pod(c, name).Status.Phase == phase })
}

// load sends requests to a URL, in three lines with a pause between two requests,
// until stop is called, which returns how often each answer came and what failed.
func load(t *testing.T, c *clustertest.Cluster, url string, pause time.Duration) (stop func() (answers map[string]int, failures []error)) {
	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex // guards the fields below
	answers := map[string]int{}
	var failures []error
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			for ctx.Err() == nil {
				answer, err := c.Get(context.WithoutCancel(ctx), url)
				mu.Lock()
				if answers[answer]++; err != nil {
					failures = append(failures, fmt.Errorf("%s: %w", time.Now().Format(time.TimeOnly), err))
				}
				mu.Unlock()
				time.Sleep(pause)
			}
		})
	}
	t.Cleanup(func() { cancel(); workers.Wait() })
	return func() (map[string]int, []error) {
		cancel()
		workers.Wait()
		return answers, failures
	}
}
