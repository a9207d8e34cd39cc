package kinds_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
)

func TestPod_GracePeriod(t *testing.T) {
	five, forty := int64(5), int64(40)
	running := corev1.PodSpec{NodeName: "n1", TerminationGracePeriodSeconds: &forty}
	for _, c := range []struct {
		name  string
		spec  corev1.PodSpec
		phase corev1.PodPhase
		asked *int64
		want  int64
	}{
		{"the pod's own", running, corev1.PodRunning, nil, 40},
		{"the one asked for", running, corev1.PodRunning, &five, 5},
		{"at once", running, corev1.PodRunning, new(int64), 0},
		{"less than nothing is the shortest", running, corev1.PodRunning, new(int64(-1)), 1},
		{"nobody to wait for", corev1.PodSpec{TerminationGracePeriodSeconds: &forty}, corev1.PodPending, &five, 0},
		{"nothing left to stop", running, corev1.PodSucceeded, &five, 0},
	} {
		pod := &corev1.Pod{Spec: c.spec, Status: corev1.PodStatus{Phase: c.phase}}
		require.Equal(t, c.want, find(t, "pods").GracePeriod(pod, c.asked), c.name)
	}
}

func TestPod_GenerationLeavesTheBindingOut(t *testing.T) {
	old := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Image: "a"}}}}
	changed := find(t, "pods").GenerationChanged

	bound := old.DeepCopy()
	bound.Spec.NodeName = "n1"
	require.False(t, changed(bound, old))
	bound.Spec.Containers[0].Image = "b"
	require.True(t, changed(bound, old))
}

func TestQOSClass(t *testing.T) {
	list := func(cpu, memory string) corev1.ResourceList {
		l := corev1.ResourceList{}
		if cpu != "" {
			l[corev1.ResourceCPU] = resource.MustParse(cpu)
		}
		if memory != "" {
			l[corev1.ResourceMemory] = resource.MustParse(memory)
		}
		return l
	}
	type needs = corev1.ResourceRequirements
	full := needs{Requests: list("1", "1Gi"), Limits: list("1000m", "1024Mi")}
	for _, c := range []struct {
		name       string
		containers []needs
		want       corev1.PodQOSClass
	}{
		{"nobody asks", []needs{{}, {}}, corev1.PodQOSBestEffort},
		{"zero is nothing", []needs{{Requests: list("0", "")}}, corev1.PodQOSBestEffort},
		{"all ask their limits", []needs{full, full}, corev1.PodQOSGuaranteed},
		{"limits alone", []needs{{Limits: list("1", "1Gi")}}, corev1.PodQOSGuaranteed},
		{"one does not ask", []needs{full, {}}, corev1.PodQOSBurstable},
		{"less than the limit", []needs{{Requests: list("500m", "1Gi"), Limits: list("1", "1Gi")}}, corev1.PodQOSBurstable},
		{"only memory", []needs{{Requests: list("", "1Gi"), Limits: list("", "1Gi")}}, corev1.PodQOSBurstable},
	} {
		var spec corev1.PodSpec
		for _, r := range c.containers {
			spec.Containers = append(spec.Containers, corev1.Container{Resources: r})
		}
		require.Equal(t, c.want, kinds.QOSClass(&spec), c.name)
	}
}

func TestPod_StatusRules(t *testing.T) {
	old := &corev1.Pod{
		Spec: corev1.PodSpec{NodeName: "n1", RestartPolicy: corev1.RestartPolicyOnFailure},
		Status: corev1.PodStatus{
			QOSClass: corev1.PodQOSBurstable,
			ContainerStatuses: []corev1.ContainerStatus{
				{Name: "done", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}},
				{Name: "failed", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}},
			},
		},
	}
	pod := old.DeepCopy()
	require.Empty(t, find(t, "pods").ValidateStatus(pod, old))

	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	pod.Status.ContainerStatuses[1].State = running
	require.Empty(t, find(t, "pods").ValidateStatus(pod, old), "what failed may be restarted")

	pod.Status.ContainerStatuses[0].State = running
	pod.Status.QOSClass = corev1.PodQOSGuaranteed
	pod.Status.NominatedNodeName = "n2"
	pod.Status.PodIPs = []corev1.PodIP{{IP: "home"}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: "a b"}}
	var fields []string
	for _, err := range find(t, "pods").ValidateStatus(pod, old) {
		fields = append(fields, err.Field)
	}
	require.Equal(t, []string{
		"status.qosClass", "status.nominatedNodeName", "status.conditions[0].Type",
		"status.podIPs[0].ip", "status.containerStatuses[0].state",
	}, fields)
}

func TestPod_AddressAndAddressesAgree(t *testing.T) {
	pod := &corev1.Pod{Status: corev1.PodStatus{PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}}}}
	find(t, "pods").Default(pod)
	require.Equal(t, "10.0.0.1", pod.Status.PodIP)

	pod.Status.PodIP = "10.0.0.2"
	find(t, "pods").Default(pod)
	require.Equal(t, []corev1.PodIP{{IP: "10.0.0.2"}}, pod.Status.PodIPs)
}

func TestNamespace_Phases(t *testing.T) {
	r, now := find(t, "namespaces"), metav1.Now()
	ns := &corev1.Namespace{Spec: corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{"kubernetes"}}}
	ns.Status.Phase = corev1.NamespaceActive
	require.Empty(t, r.ValidateStatus(ns, ns))
	require.True(t, r.Finalize.Held(ns))

	r.Finalize.Begin(ns)
	require.Len(t, r.ValidateStatus(ns, ns), 1, "only what is being deleted terminates")
	ns.DeletionTimestamp = &now
	require.Empty(t, r.ValidateStatus(ns, ns))

	r.Finalize.Copy(ns, &corev1.Namespace{})
	require.False(t, r.Finalize.Held(ns))
	ns.Status.Phase = corev1.NamespaceActive
	require.Len(t, r.ValidateStatus(ns, ns), 1)
}
