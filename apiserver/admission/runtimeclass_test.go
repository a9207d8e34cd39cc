package admission_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

func TestRuntimeClass(t *testing.T) {
	hooks := []apiserver.Hook{admission.RuntimeClass{Objects: typedtest.New(
		&nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "plain"}, Handler: "runc"},
		&nodev1.RuntimeClass{
			ObjectMeta: metav1.ObjectMeta{Name: "vm"}, Handler: "kata",
			Overhead: &nodev1.Overhead{PodFixed: resources("memory", "120Mi")},
			Scheduling: &nodev1.Scheduling{
				NodeSelector: map[string]string{"virtual": "yes"},
				Tolerations:  []corev1.Toleration{{Key: "vm", Operator: corev1.TolerationOpExists}},
			},
		})}}
	of := func(class string, change ...func(*corev1.Pod)) *corev1.Pod {
		return newPod(append(change, func(p *corev1.Pod) { p.Spec.RuntimeClassName = &class })...)
	}
	pod := of("vm", func(p *corev1.Pod) {
		p.Spec.NodeSelector = map[string]string{"disk": "fast"}
		p.Spec.Tolerations = []corev1.Toleration{{Key: "vm", Operator: corev1.TolerationOpExists}}
	})
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, pod, nil))
	require.Equal(t, resources("memory", "120Mi"), pod.Spec.Overhead)
	require.Equal(t, map[string]string{"disk": "fast", "virtual": "yes"}, pod.Spec.NodeSelector)
	require.Len(t, pod.Spec.Tolerations, 1)
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, pod, nil), "a second round changes nothing")

	for name, test := range map[string]struct {
		pod *corev1.Pod
		err string
	}{
		"no class":   {newPod(), ""},
		"plain":      {of("plain"), ""},
		"not there":  {of("ghost"), `pods "web" is forbidden: pod rejected: RuntimeClass "ghost" not found`},
		"other node": {of("vm", func(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{"virtual": "no"} }), `pods "web" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[virtual] = yes; pod.spec.nodeSelector[virtual] = no`},
		"overhead of the pod's own": {of("vm", func(p *corev1.Pod) { p.Spec.Overhead = resources("memory", "1Mi") }),
			`pods "web" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead`},
		"overhead without a class": {newPod(func(p *corev1.Pod) { p.Spec.Overhead = resources("memory", "1Mi") }),
			`pods "web" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead`},
	} {
		err := admit(t.Context(), hooks, apiserver.Create, test.pod, nil)
		if test.err == "" {
			require.NoError(t, err, name)
		} else {
			require.EqualError(t, err, test.err, name)
			require.True(t, apierrors.IsForbidden(err), name)
		}
	}
}
