package cluster_test

import (
	"context"
	"runtime"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
)

// BenchmarkControlPlane starts an API server, the controllers and the scheduler,
// until the API answers. MB is what the heap holds of it then.
func BenchmarkControlPlane(b *testing.B) {
	measure(b, cluster.Config{}, func(context.Context, *cluster.Cluster) {})
}

// BenchmarkFirstPod starts a cluster with one node, until a pod is Ready on it. The
// pod is created once the node is: a scheduler that finds none tries again after a
// second, as Kubernetes' does.
func BenchmarkFirstPod(b *testing.B) {
	measure(b, cluster.Config{Nodes: cluster.Nodes(1)}, func(ctx context.Context, c *cluster.Cluster) {
		pods := client.For[*corev1.Pod](c.Admin())
		await(b, ctx, client.For[*corev1.Node](c.Admin()), "", func(n *corev1.Node) bool {
			return len(n.Spec.Taints) == 0 && len(n.Status.Conditions) > 0
		})
		await(b, ctx, client.For[*corev1.ServiceAccount](c.Admin()), metav1.NamespaceDefault,
			func(a *corev1.ServiceAccount) bool { return a.Name == "default" })
		if _, err := pods.Create(ctx, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "first"},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
		}); err != nil {
			b.Fatal(err)
		}
		await(b, ctx, pods, metav1.NamespaceDefault, func(p *corev1.Pod) bool {
			for _, c := range p.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
					return true
				}
			}
			return false
		})
	})
}

// await watches a namespace until an object is as wanted.
func await[T api.Object](b *testing.B, ctx context.Context, kind *client.Kind[T], namespace string, ok func(T) bool) {
	w, err := kind.Watch(ctx, namespace, client.WatchOptions{SendInitialEvents: true})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	for {
		event, err := w.Next(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if ok(event.Object) {
			return
		}
	}
}

// measure runs clusters one after the other until until returns.
func measure(b *testing.B, cfg cluster.Config, until func(context.Context, *cluster.Cluster)) {
	var heap float64
	for b.Loop() {
		b.StopTimer()
		before := heapMB()
		b.StartTimer()
		c, err := cluster.New(cfg)
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		<-c.Ready()
		until(ctx, c)
		b.StopTimer()
		heap += heapMB() - before
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(heap/float64(b.N), "MB")
}

// heapMB is what is alive on the heap, in megabytes.
func heapMB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}
