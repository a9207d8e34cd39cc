package plugins_test

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/scheduler"
	"github.com/coracle-k8s/coracle/scheduler/plugins"
)

// A single plugin makes a profile too. Here it is the one that keeps pods off
// nodes with taints.
func Example() {
	node := func(name string, taints ...corev1.Taint) *scheduler.NodeInfo {
		return scheduler.NewNodeInfo(&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{Taints: taints},
			Status: corev1.NodeStatus{Allocatable: corev1.ResourceList{"pods": resource.MustParse("10")}},
		})
	}
	snapshot := scheduler.NewSnapshot(
		node("a", corev1.Taint{Key: "dedicated", Value: "db", Effect: corev1.TaintEffectNoSchedule}),
		node("b", corev1.Taint{Key: "slow", Effect: corev1.TaintEffectPreferNoSchedule}),
		node("c"),
	)
	pod := scheduler.NewPodInfo(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "1"}})
	decision, _ := scheduler.NewCycle(scheduler.Profile{plugins.TaintToleration{}}, pod, snapshot).Schedule(0)
	fmt.Print(decision.Explain())
	// Output:
	// chose c of 3
	//   c 300: TaintToleration 300
	//   b 0:
	//   a: refused by TaintToleration: node(s) had untolerated taint {dedicated: db}
}
