package kinds

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// pods: its defaults are in pod_default.go, its rules in pod_validate.go and
// its neighbours, its table in pod_columns.go.
func pods() *api.Resource {
	return &api.Resource{
		GroupVersionKind:    corev1.SchemeGroupVersion.WithKind("Pod"),
		StatusKeeps:         []string{"ownerReferences"},
		Plural:              "pods",
		Singular:            "pod",
		ShortNames:          []string{"po"},
		Categories:          []string{"all"},
		Namespaced:          true,
		New:                 func() api.Object { return &corev1.Pod{} },
		NewList:             func() runtime.Object { return &corev1.PodList{} },
		Default:             api.Do(defaultPod),
		PrepareCreate:       api.Do(preparePod),
		Validate:            rule(checkPod),
		ValidateCreate:      rule(checkNewPod),
		ValidateUpdate:      pairRule(checkPodUpdate),
		ValidateStatus:      pairRule(checkPodStatus),
		Warnings:            warnings(podWarnings),
		PrepareStatus:       api.Pair(func(pod, old *corev1.Pod) { setDefault(&pod.Status.QOSClass, old.Status.QOSClass) }),
		CopyStatus:          api.Pair(func(dst, src *corev1.Pod) { dst.Status = src.Status }),
		Generation:          true,
		GenerationChanged:   podGenerationChanged,
		Subresources:        podSubresources(),
		Parts:               []api.Part{ephemeralContainers(), resize()},
		GracePeriod:         podGracePeriod,
		DeleteReturnsObject: true,
		FieldNames:          podFieldNames(),
		Fields:              api.Value(podFields),
		Columns:             podColumns(),
		RowConditions:       api.Value(podRowConditions),
	}
}

// podSubresources are the ways to act on a running pod. The server has code
// for each.
func podSubresources() []api.Subresource {
	core := func(name, kind string, verbs ...string) api.Subresource {
		return api.Subresource{Name: name, GroupVersionKind: corev1.SchemeGroupVersion.WithKind(kind), Verbs: verbs}
	}
	return []api.Subresource{
		core("attach", "PodAttachOptions", "create", "get"),
		core("binding", "Binding", "create"),
		{Name: "eviction", GroupVersionKind: policyv1.SchemeGroupVersion.WithKind("Eviction"), Verbs: []string{"create"}},
		core("exec", "PodExecOptions", "create", "get"),
		core("log", "Pod", "get"),
		core("portforward", "PodPortForwardOptions", "create", "get"),
		core("proxy", "PodProxyOptions", "create", "delete", "get", "patch", "update"),
	}
}

// preparePod starts a pod's status: it is Pending and has its class, whatever
// the client said. A pod with scheduling gates tells that it waits for them.
func preparePod(pod *corev1.Pod) {
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending, QOSClass: QOSClass(&pod.Spec)}
	matchOwnLabels(pod)
	if len(pod.Spec.SchedulingGates) > 0 {
		pod.Status.Conditions = []corev1.PodCondition{{
			Type:    corev1.PodScheduled,
			Status:  corev1.ConditionFalse,
			Reason:  corev1.PodReasonSchedulingGated,
			Message: "Scheduling is blocked due to non-empty scheduling gates",
		}}
	}
}

// podGenerationChanged leaves the binding to a node out: it is the scheduler's
// doing, not a new wish of the user.
func podGenerationChanged(obj, old api.Object) bool {
	a, b := obj.(*corev1.Pod).Spec, old.(*corev1.Pod).Spec
	b.NodeName = a.NodeName
	return !equality.Semantic.DeepEqual(a, b)
}

// podGracePeriod gives the kubelet time to stop the containers, unless there
// is none involved: the pod is on no node yet or has ended.
func podGracePeriod(obj api.Object, asked *int64) int64 {
	pod := obj.(*corev1.Pod)
	ended := pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
	if pod.Spec.NodeName == "" || ended {
		return 0
	}
	var seconds int64
	switch {
	case asked != nil:
		seconds = *asked
	case pod.Spec.TerminationGracePeriodSeconds != nil:
		seconds = *pod.Spec.TerminationGracePeriodSeconds
	}
	if seconds < 0 {
		return 1
	}
	return seconds
}

func podFieldNames() []string {
	return []string{
		"spec.nodeName", "spec.host", "spec.restartPolicy", "spec.schedulerName",
		"spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP",
		"status.podIPs", "status.nominatedNodeName",
	}
}

func podFields(pod *corev1.Pod) fields.Set {
	ips := make([]string, 0, len(pod.Status.PodIPs))
	for _, ip := range pod.Status.PodIPs {
		ips = append(ips, ip.IP)
	}
	return fields.Set{
		"spec.nodeName":            pod.Spec.NodeName,
		"spec.host":                pod.Spec.NodeName,
		"spec.restartPolicy":       string(pod.Spec.RestartPolicy),
		"spec.schedulerName":       pod.Spec.SchedulerName,
		"spec.serviceAccountName":  pod.Spec.ServiceAccountName,
		"spec.hostNetwork":         strconv.FormatBool(pod.Spec.HostNetwork),
		"status.phase":             string(pod.Status.Phase),
		"status.podIP":             pod.Status.PodIP,
		"status.podIPs":            strings.Join(ips, ","),
		"status.nominatedNodeName": pod.Status.NominatedNodeName,
	}
}
