package plugins_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/scheduler"
	"github.com/coracle-k8s/coracle/scheduler/plugins"
)

// What the plugins remember from cycle to cycle never changes what they decide: a
// profile that has seen many cycles, in which nodes and pods came and went,
// explains every decision as a new one does. There are more kinds of pods than they remember.
func TestMemoryChangesNothing(t *testing.T) {
	cache, used := scheduler.NewCache(), plugins.Stateless()
	for i := range 600 {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", i/20)}}
		node.Labels = map[string]string{corev1.LabelHostname: node.Name, corev1.LabelTopologyZone: fmt.Sprint(i / 20 % 3)}
		node.Status.Allocatable = corev1.ResourceList{"pods": resource.MustParse("10"), "cpu": resource.MustParse("4")}
		switch {
		case i%20 == 0:
			cache.SetNode(node)
		case i%50 == 33:
			cache.RemoveNode(node.Name)
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("pod-%d", i), UID: types.UID(fmt.Sprint(i))}}
		pod.Labels = map[string]string{"app": fmt.Sprint(i * i % 150), "group": fmt.Sprint(i % 4)}
		if i%2 == 0 {
			yes := true
			pod.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "x", Controller: &yes}}
		}
		require.NoError(t, yaml.UnmarshalStrict(fmt.Appendf(nil, `
topologySpreadConstraints: [{topologyKey: topology.kubernetes.io/zone, maxSkew: %d, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {group: "%d"}}}]
affinity: {podAntiAffinity: {
  requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: "%s"}}}],
  preferredDuringSchedulingIgnoredDuringExecution: [{weight: 5, podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {group: "%d"}}}}]}}`,
			1+i%3, i%4, pod.Labels["app"], i%4), &pod.Spec))
		p := scheduler.NewPodInfo(pod)
		got, _ := scheduler.NewCycle(used, p, cache.Snapshot()).Schedule(i)
		want, _ := scheduler.NewCycle(plugins.Stateless(), p, cache.Snapshot()).Schedule(i)
		require.Equal(t, want.Explain(), got.Explain())
		if got.Node != "" {
			cache.Assume(p, got.Node)
		}
		if i%7 == 6 {
			cache.RemovePod(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(fmt.Sprint(i - 5))}})
		}
	}
}
