package filter_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/examples/workshop/filter"
	"github.com/coracle-k8s/coracle/scheduler"
	"github.com/coracle-k8s/coracle/scheduler/plugins"
)

const (
	noSchedule = corev1.TaintEffectNoSchedule
	noExecute  = corev1.TaintEffectNoExecute
	prefer     = corev1.TaintEffectPreferNoSchedule
	exists     = corev1.TolerationOpExists
)

func TestFilter(t *testing.T) {
	for _, test := range []struct {
		name    string
		taint   corev1.Taint
		bears   corev1.Toleration
		refused bool
	}{
		{"no toleration", corev1.Taint{Key: "a", Effect: noSchedule}, corev1.Toleration{Key: "other"}, true},
		{"the same", corev1.Taint{Key: "a", Value: "x", Effect: noSchedule}, corev1.Toleration{Key: "a", Value: "x", Effect: noSchedule}, false},
		{"another value", corev1.Taint{Key: "a", Value: "x", Effect: noSchedule}, corev1.Toleration{Key: "a", Value: "y"}, true},
		{"any value", corev1.Taint{Key: "a", Value: "x", Effect: noSchedule}, corev1.Toleration{Key: "a", Operator: exists}, false},
		{"another effect", corev1.Taint{Key: "a", Effect: noExecute}, corev1.Toleration{Key: "a", Effect: noSchedule}, true},
		{"any effect", corev1.Taint{Key: "a", Effect: noExecute}, corev1.Toleration{Key: "a"}, false},
		{"everything", corev1.Taint{Key: "a", Value: "x", Effect: noExecute}, corev1.Toleration{Operator: exists}, false},
		{"only a wish", corev1.Taint{Key: "a", Effect: prefer}, corev1.Toleration{Key: "other"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			node := scheduler.NewNodeInfo(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}, Spec: corev1.NodeSpec{Taints: []corev1.Taint{test.taint}}})
			pod := scheduler.NewPodInfo(&corev1.Pod{Spec: corev1.PodSpec{Tolerations: []corev1.Toleration{test.bears}}})
			plugin := filter.New()
			cycle := scheduler.NewCycle(scheduler.Profile{plugin}, pod, scheduler.NewSnapshot(node))
			refusal := plugin.Filter(cycle, node)
			require.Equal(t, test.refused, refusal != nil, "%v", refusal)
			if refusal != nil {
				require.NotEmpty(t, refusal.Reasons, "say why")
			}
		})
	}
}

// A cluster schedules with the filter in place of the project's own.
func TestFilter_inACluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithConfig(func(cfg *cluster.Config) {
			cfg.Without = append(cfg.Without, cluster.Scheduler)
		}))
		informers := client.NewInformers(c.Client())
		usual := slices.DeleteFunc(plugins.Default(informers), func(p scheduler.Plugin) bool { return p.Name() == "TaintToleration" })
		run(t, scheduler.New(scheduler.Config{Client: c.Client(), Informers: informers, Profile: append(usual, filter.New())}))
		_, err := clustertest.For[*corev1.Node](c).Modify(t.Context(), "", "node-1", func(n *corev1.Node) error {
			n.Spec.Taints = []corev1.Taint{{Key: "kept", Effect: noSchedule}}
			return nil
		})
		require.NoError(t, err)
		time.Sleep(time.Second)
		c.Apply(`
{apiVersion: v1, kind: Pod, metadata: {name: any}, spec: {containers: [{name: a, image: a}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: sent}, spec: {nodeSelector: {kubernetes.io/hostname: node-1}, containers: [{name: a, image: a}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: welcome}, spec: {nodeSelector: {kubernetes.io/hostname: node-1}, tolerations: [{key: kept, operator: Exists}], containers: [{name: a, image: a}]}}`)
		time.Sleep(time.Minute)
		for name, want := range map[string]string{"any": "node-2", "sent": "", "welcome": "node-1"} {
			require.Equal(t, want, clustertest.Get[*corev1.Pod](c, "default", name).Spec.NodeName, name)
		}
	})
}

func run(t *testing.T, s *scheduler.Scheduler) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}
