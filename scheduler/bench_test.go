package scheduler_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/internal/apitest"
	"github.com/coracle-k8s/coracle/scheduler"
	"github.com/coracle-k8s/coracle/scheduler/plugins"
)

const benchNodes = 1000

// benchNode is one of 1,000 in three zones.
func benchNode(b *testing.B, i int) *corev1.Node {
	node, err := makeNode([]string{fmt.Sprintf("node-%04d", i), "cpu=64", "memory=256Gi", fmt.Sprintf("zone=z%d", i%3)}, "")
	require.NoError(b, err)
	return node
}

// benchPod is one of 50 ReplicaSets, which are spread by default.
func benchPod(b *testing.B, i int, spec string) *corev1.Pod {
	pod, err := makePod([]string{fmt.Sprintf("pod-%d", i), "cpu=100m", "memory=200Mi", fmt.Sprintf("owner=rs-%d", i%50)}, spec)
	require.NoError(b, err)
	return pod
}

// BenchmarkSchedule1000Nodes is the cycle and the cache: what the scheduling
// goroutine does for each pod, on nodes that come to have 30 pods each.
func BenchmarkSchedule1000Nodes(b *testing.B) {
	for _, c := range []struct{ name, spec string }{
		{"replicasets", ""},
		{"spread", `topologySpreadConstraints: [{topologyKey: topology.kubernetes.io/zone, maxSkew: 1, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchExpressions: [{key: app, operator: Exists}]}}]`},
		{"antiaffinity", `affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 10, podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: rs-1}}}}]}}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			pods := make([]*corev1.Pod, 30*benchNodes)
			for i := range pods {
				pods[i] = benchPod(b, i, c.spec)
			}
			var cache *scheduler.Cache
			profile, start, n := plugins.Stateless(), 0, 0
			b.ReportAllocs()
			for b.Loop() {
				if n%len(pods) == 0 {
					cache = scheduler.NewCache()
					for i := range benchNodes {
						cache.SetNode(benchNode(b, i))
					}
				}
				pod := pods[n%len(pods)]
				n++
				info := scheduler.NewPodInfo(pod)
				var d *scheduler.Decision
				d, start = scheduler.NewCycle(profile, info, cache.Snapshot()).Schedule(start)
				cache.Assume(info, d.Node)
				bound := *pod
				bound.Spec.NodeName = d.Node
				cache.SetPod(&bound) // As the API server confirms it.
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pods/s")
		})
	}
}

// BenchmarkScheduler1000Nodes is the whole scheduler over an API server in
// memory, from the pods being there to their all being bound.
func BenchmarkScheduler1000Nodes(b *testing.B) {
	c := apitest.Start(b).Client(b)
	ctx := b.Context()
	for i := range benchNodes {
		createNode(b, c, benchNode(b, i))
	}
	for i := range b.N {
		pod := benchPod(b, i, "")
		pod.UID, pod.OwnerReferences[0].UID, pod.OwnerReferences[0].APIVersion = "", "rs", "apps/v1"
		_, err := client.For[*corev1.Pod](c).Create(ctx, pod)
		require.NoError(b, err)
	}
	var bound atomic.Int64
	done := make(chan struct{})
	watch := client.NewInformer(c, client.InformerOptions[*corev1.Pod]{FieldSelector: "spec.nodeName!="})
	watch.OnChange(func(old, _ *corev1.Pod) {
		if old == nil && bound.Add(1) == int64(b.N) {
			close(done)
		}
	})
	apitest.Run(b, watch.Run)
	<-watch.Synced()
	informers := client.NewInformers(c)
	s := scheduler.New(scheduler.Config{Client: c, Informers: informers, Profile: plugins.Default(informers)})
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	b.ReportAllocs()
	b.ResetTimer()
	go func() { ended <- s.Run(ctx) }()
	<-done
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pods/s")
	cancel()
	require.NoError(b, <-ended)
}
