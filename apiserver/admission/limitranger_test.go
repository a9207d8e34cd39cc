package admission_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

func limits(items ...corev1.LimitRangeItem) []apiserver.Hook {
	r := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "limits"}, Spec: corev1.LimitRangeSpec{Limits: items}}
	other := r.DeepCopy()
	other.Namespace = "other"
	other.Spec.Limits = []corev1.LimitRangeItem{{Type: corev1.LimitTypePod, Max: resources("cpu", "0")}}
	return []apiserver.Hook{admission.LimitRanger{Objects: typedtest.New(r, other)}}
}

// asking gives the pod's container requests and limits: "cpu=1,memory=1Gi".
func asking(requests, limits string) func(*corev1.Pod) {
	list := func(text string) corev1.ResourceList {
		if text == "" {
			return nil
		}
		return resources(strings.FieldsFunc(text, func(r rune) bool { return r == '=' || r == ',' })...)
	}
	return func(p *corev1.Pod) {
		p.Spec.Containers[0].Resources = corev1.ResourceRequirements{Requests: list(requests), Limits: list(limits)}
	}
}

func TestLimitRanger_defaults(t *testing.T) {
	hooks := limits(corev1.LimitRangeItem{
		Type: corev1.LimitTypeContainer, DefaultRequest: resources("cpu", "100m", "memory", "64Mi"), Default: resources("memory", "128Mi"),
	})
	pod := newPod(asking("cpu=1", ""), func(p *corev1.Pod) { p.Spec.InitContainers = []corev1.Container{{Name: "init"}} })
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, pod, nil))
	require.Equal(t, resources("cpu", "1", "memory", "64Mi"), pod.Spec.Containers[0].Resources.Requests)
	require.Equal(t, resources("memory", "128Mi"), pod.Spec.Containers[0].Resources.Limits)
	require.Equal(t, resources("cpu", "100m", "memory", "64Mi"), pod.Spec.InitContainers[0].Resources.Requests)
	require.Equal(t, "LimitRanger plugin set: memory request for container app; memory limit for container app; "+
		"cpu, memory request for init container init; memory limit for init container init",
		pod.Annotations["kubernetes.io/limit-ranger"])

	silent := newPod()
	require.NoError(t, admit(t.Context(), hooks, apiserver.Update, silent, newPod()))
	require.Nil(t, silent.Spec.Containers[0].Resources.Requests, "an update changes no resources")
}

func TestLimitRanger_bounds(t *testing.T) {
	container := limits(corev1.LimitRangeItem{
		Type: corev1.LimitTypeContainer, Min: resources("cpu", "100m"), Max: resources("cpu", "2"), MaxLimitRequestRatio: resources("cpu", "4"),
	})
	whole := limits(corev1.LimitRangeItem{Type: corev1.LimitTypePod, Max: resources("memory", "1Gi")})
	twice := func(p *corev1.Pod) { p.Spec.Containers = append(p.Spec.Containers, p.Spec.Containers[0]) }
	for name, test := range map[string]struct {
		hooks []apiserver.Hook
		pod   *corev1.Pod
		err   string
	}{
		"within":             {container, newPod(asking("cpu=500m", "cpu=1")), ""},
		"too little":         {container, newPod(asking("cpu=50m", "cpu=100m")), "minimum cpu usage per Container is 100m, but request is 50m"},
		"too much":           {container, newPod(asking("cpu=1", "cpu=3")), "maximum cpu usage per Container is 2, but limit is 3"},
		"limit far above":    {container, newPod(asking("cpu=100m", "cpu=1")), "cpu max limit to request ratio per Container is 4, but provided ratio is 10.000000"},
		"nothing":            {container, newPod(), "[minimum cpu usage per Container is 100m.  No request is specified, maximum cpu usage per Container is 2.  No limit is specified, cpu max limit to request ratio per Container is 4, but no request is specified or request is 0]"},
		"a pod within":       {whole, newPod(asking("", "memory=512Mi"), twice), ""},
		"a pod that is more": {whole, newPod(asking("memory=600Mi", "memory=600Mi"), twice), "maximum memory usage per Pod is 1Gi, but limit is 1200Mi"},
	} {
		err := admit(t.Context(), test.hooks, apiserver.Create, test.pod, nil)
		if test.err == "" {
			require.NoError(t, err, name)
			continue
		}
		require.EqualError(t, err, `pods "web" is forbidden: `+test.err, name)
		require.True(t, apierrors.IsForbidden(err), name)
	}

	_, err := judge(t, container[0], "resize", newPod(asking("cpu=1", "cpu=3")), newPod(asking("cpu=1", "cpu=1")))
	require.ErrorContains(t, err, "maximum cpu usage", "a resize is held to it too")
	_, err = judge(t, container[0], "status", newPod(asking("cpu=1", "cpu=3")), newPod(asking("cpu=1", "cpu=3")))
	require.NoError(t, err)
}

func TestLimitRanger_claims(t *testing.T) {
	hooks := limits(corev1.LimitRangeItem{Type: corev1.LimitTypePersistentVolumeClaim, Min: resources("storage", "1Gi"), Max: resources("storage", "10Gi")})
	for size, want := range map[string]string{
		"5Gi":   "",
		"100Mi": `persistentvolumeclaims "data" is forbidden: minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 100Mi`,
		"11Gi":  `persistentvolumeclaims "data" is forbidden: maximum storage usage per PersistentVolumeClaim is 10Gi, but request is 11Gi`,
	} {
		err := admit(t.Context(), hooks, apiserver.Create, newClaim("", size, corev1.ClaimPending), nil)
		if want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, want)
		}
	}
}
