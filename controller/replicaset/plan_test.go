package replicaset_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/controller/replicaset"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// pod makes a running, ready pod on node n1 and changes it.
func pod(name string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{}, CreationTimestamp: metav1.NewTime(noon)},
		Spec:       corev1.PodSpec{NodeName: "n1"},
		Status: corev1.PodStatus{
			Phase:             corev1.PodRunning,
			Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon)}},
			ContainerStatuses: []corev1.ContainerStatus{{}},
		},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func on(node string) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Spec.NodeName = node } }
func phase(ph corev1.PodPhase) func(p *corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.Phase = ph }
}
func unready(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }
func deleted(p *corev1.Pod) { at := metav1.NewTime(noon); p.DeletionTimestamp = &at }

func ExampleMakePlan() {
	pods := []*corev1.Pod{pod("good"), pod("broken", unready), pod("ending", deleted)}
	fmt.Println("wanted 4: create", replicaset.MakePlan(4, pods, pods).Create)
	fmt.Println("wanted 1: delete", replicaset.MakePlan(1, pods, pods).Delete[0].Name)

	// Output:
	// wanted 4: create 2
	// wanted 1: delete broken
}

func TestMakePlan_DeletesWhatIsLeastMissed(t *testing.T) {
	for _, c := range []struct {
		why          string
		first, other *corev1.Pod
		related      []*corev1.Pod
	}{
		{"it has no node", pod("a", on("")), pod("b", unready), nil},
		{"it is not running", pod("a", phase(corev1.PodPending)), pod("b", unready), nil},
		{"nobody knows whether it runs", pod("a", phase(corev1.PodUnknown)), pod("b", unready), nil},
		{"it is not ready", pod("a", unready), pod("b", func(p *corev1.Pod) { p.Annotations[corev1.PodDeletionCost] = "-5" }), nil},
		{"its user says so", pod("a"), pod("b", func(p *corev1.Pod) { p.Annotations[corev1.PodDeletionCost] = "10" }), nil},
		{"its node has another of the Deployment", pod("a", on("n2")), pod("b"), []*corev1.Pod{pod("c", on("n2"))}},
		{"it has been ready for a shorter time", pod("a", func(p *corev1.Pod) { p.Status.Conditions[0].LastTransitionTime = metav1.NewTime(noon.Add(time.Hour)) }), pod("b"), nil},
		{"it restarted more often", pod("a", func(p *corev1.Pod) { p.Status.ContainerStatuses[0].RestartCount = 2 }), pod("b"), nil},
		{"it is younger", pod("a", func(p *corev1.Pod) { p.CreationTimestamp = metav1.NewTime(noon.Add(time.Hour)) }), pod("b"), nil},
	} {
		t.Run(strings.ReplaceAll(c.why, " ", "_"), func(t *testing.T) {
			for _, pods := range [][]*corev1.Pod{{c.first, c.other}, {c.other, c.first}} {
				plan := replicaset.MakePlan(1, pods, append(c.related, pods...))
				require.Zero(t, plan.Create)
				require.Equal(t, []*corev1.Pod{c.first}, plan.Delete)
			}
		})
	}
}

func TestStatusOf(t *testing.T) {
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Generation: 7},
		Spec: appsv1.ReplicaSetSpec{
			MinReadySeconds: 30,
			Template:        corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "b"}}},
		},
	}
	labelled := func(p *corev1.Pod) { p.Labels = map[string]string{"a": "b", "c": "d"} }
	young := func(p *corev1.Pod) {
		p.Status.Conditions[0].LastTransitionTime = metav1.NewTime(noon.Add(50 * time.Second))
	}
	pods := []*corev1.Pod{
		pod("a", labelled), pod("b", young), pod("c", unready), pod("d", deleted),
		pod("e", phase(corev1.PodFailed)), pod("f", phase(corev1.PodFailed), deleted),
	}
	status, soon := replicaset.StatusOf(rs, pods, &replicaset.Failure{Reason: "FailedCreate", Message: "no room"}, noon.Add(time.Minute))
	require.Equal(t, 20*time.Second, soon, "b becomes available by itself")
	one := int32(1)
	require.Equal(t, appsv1.ReplicaSetStatus{
		Replicas: 3, FullyLabeledReplicas: 1, ReadyReplicas: 2, AvailableReplicas: 1, TerminatingReplicas: &one, ObservedGeneration: 7,
		Conditions: []appsv1.ReplicaSetCondition{{
			Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "no room",
			LastTransitionTime: metav1.NewTime(noon.Add(time.Minute)),
		}},
	}, status)
	rs.Status = status
	status, _ = replicaset.StatusOf(rs, pods, nil, noon)
	require.Empty(t, status.Conditions)
}
