package scheduler_test

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/scheduler"
	"github.com/coracle-k8s/coracle/scheduler/plugins"
)

// NoLake is a rule of one's own: pods that do not float stay out of the lake.
type NoLake struct{}

func (NoLake) Name() string { return "NoLake" }

func (NoLake) Helps(c scheduler.Change) bool { return c == scheduler.NodeAdded }

func (p NoLake) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	if strings.HasPrefix(node.Node.Name, "lake") && c.Pod.Labels["floats"] == "" {
		return scheduler.RefuseFinally(p, "node(s) were in the lake")
	}
	return nil
}

// A cycle is a pure function of a pod and a snapshot. It can be had without a
// cluster, and with rules of one's own.
func Example() {
	node := func(name, cpu string, pods ...*scheduler.PodInfo) *scheduler.NodeInfo {
		return scheduler.NewNodeInfo(&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Status: corev1.NodeStatus{Allocatable: corev1.ResourceList{
				"cpu": resource.MustParse(cpu), "memory": resource.MustParse("8Gi"), "pods": resource.MustParse("10"),
			}},
		}, pods...)
	}
	pod := func(name, cpu string) *scheduler.PodInfo {
		return scheduler.NewPodInfo(&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, UID: "1"},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse(cpu)}},
			}}},
		})
	}
	profile := append(plugins.Stateless(), NoLake{})
	snapshot := scheduler.NewSnapshot(node("harbour", "4", pod("ferry", "3")), node("lake-1", "4"), node("pier", "8"))

	decision, _ := scheduler.NewCycle(profile, pod("boat", "1"), snapshot).Schedule(0)
	fmt.Print(decision.Explain())

	decision, _ = scheduler.NewCycle(profile, pod("tanker", "16"), snapshot).Schedule(0)
	fmt.Println(decision.Message())

	// Output:
	// chose pier of 3
	//   pier 485: TaintToleration 300 NodeResourcesFit 92 NodeResourcesBalancedAllocation 93
	//   harbour 397: TaintToleration 300 NodeResourcesFit 47 NodeResourcesBalancedAllocation 50
	//   lake-1: refused by NoLake: node(s) were in the lake
	// 0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
}

func ExampleEnough() {
	for _, nodes := range []int{10, 100, 1000, 5000, 20000} {
		fmt.Println(nodes, scheduler.Enough(nodes))
	}
	// Output:
	// 10 10
	// 100 100
	// 1000 420
	// 5000 500
	// 20000 1000
}
