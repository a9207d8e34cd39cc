package admission_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

func resources(pairs ...string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		list[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return list
}

func newClaim(class, size string, phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "data"}}
	c.Spec.StorageClassName, c.Status.Phase = &class, phase
	c.Spec.Resources.Requests = resources("storage", size)
	return c
}

func TestPersistentVolumeClaimResize(t *testing.T) {
	yes := true
	hook := admission.PersistentVolumeClaimResize{Objects: typedtest.New(
		&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "rubber"}, AllowVolumeExpansion: &yes},
		&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "stone"}})}
	for name, test := range map[string]struct {
		class    string
		from, to string
		phase    corev1.PersistentVolumeClaimPhase
		err      string
	}{
		"grows":            {"rubber", "1Gi", "2Gi", corev1.ClaimBound, ""},
		"stays":            {"stone", "1Gi", "1Gi", corev1.ClaimBound, ""},
		"not bound":        {"rubber", "1Gi", "2Gi", corev1.ClaimPending, `persistentvolumeclaims "data" is forbidden: Only bound persistent volume claims can be expanded`},
		"class that can't": {"stone", "1Gi", "2Gi", corev1.ClaimBound, `persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize`},
		"no class":         {"", "1Gi", "2Gi", corev1.ClaimBound, `persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize`},
	} {
		_, err := judge(t, hook, "", newClaim(test.class, test.to, test.phase), newClaim(test.class, test.from, test.phase))
		if test.err == "" {
			require.NoError(t, err, name)
		} else {
			require.EqualError(t, err, test.err, name)
		}
	}
}

func TestPodTopologyLabels(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{
		corev1.LabelTopologyZone: "z1", corev1.LabelTopologyRegion: "r1", "other": "label",
	}}}
	hook := admission.PodTopologyLabels{Objects: typedtest.New(node)}
	pod := newPod(func(p *corev1.Pod) {
		p.Spec.NodeName, p.Labels = "n1", map[string]string{"app": "web", corev1.LabelTopologyZone: "invented"}
	})
	require.NoError(t, admit(t.Context(), []apiserver.Hook{hook}, apiserver.Create, pod, nil))
	require.Equal(t, map[string]string{"app": "web", corev1.LabelTopologyZone: "z1", corev1.LabelTopologyRegion: "r1"}, pod.Labels)
	for _, where := range []string{"", "unknown"} {
		pod := newPod(func(p *corev1.Pod) { p.Spec.NodeName = where })
		require.NoError(t, admit(t.Context(), []apiserver.Hook{hook}, apiserver.Create, pod, nil))
		require.Empty(t, pod.Labels)
	}
}

func TestPodResizeValidator(t *testing.T) {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{corev1.LabelOSStable: "linux"}},
		Status:     corev1.NodeStatus{Allocatable: resources("cpu", "2", "memory", "1Gi")},
	}
	windows := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n2", Labels: map[string]string{corev1.LabelOSStable: "windows"}}}
	hook := admission.PodResizeValidator{Objects: typedtest.New(node, windows)}
	on := func(node, cpu string, generation int64) *corev1.Pod {
		return newPod(func(p *corev1.Pod) {
			p.Spec.NodeName, p.Generation = node, generation
			p.Spec.Containers[0].Resources.Requests = resources("cpu", cpu)
		})
	}
	_, err := judge(t, hook, "resize", on("n1", "2", 2), on("n1", "1", 1))
	require.NoError(t, err)
	_, err = judge(t, hook, "resize", on("n1", "3", 2), on("n1", "1", 1))
	require.EqualError(t, err, `pods "web" is forbidden: node didn't have enough allocatable resources: cpu, requested: 3000, allocatable: 2000`)
	require.True(t, apierrors.HasStatusCause(err, "NodeCapacity"))
	_, err = judge(t, hook, "resize", on("n2", "1", 2), on("n2", "2", 1))
	require.EqualError(t, err, `pods "web" is forbidden: pod resize is only supported on linux nodes, node "n2" is "windows"`)
	_, err = judge(t, hook, "resize", on("n3", "1", 2), on("n3", "2", 1))
	require.EqualError(t, err, `pods "web" is forbidden: node "n3" not found`)
	_, err = judge(t, hook, "resize", on("", "30", 2), on("", "2", 1))
	require.NoError(t, err, "the scheduler will find it one")
}

func TestPriority_update(t *testing.T) {
	hooks := hooksOver(namespace("shop"), account("default"))
	value, policy := int32(7), corev1.PreemptNever
	old := newPod(func(p *corev1.Pod) {
		p.Spec.Priority, p.Spec.PreemptionPolicy, p.Spec.ServiceAccountName = &value, &policy, "default"
	})
	pod := newPod(func(p *corev1.Pod) { p.Spec.ServiceAccountName = "default" })
	require.NoError(t, admit(t.Context(), hooks, apiserver.Update, pod, old))
	require.Equal(t, int32(7), *pod.Spec.Priority, "an update that leaves it out keeps it")
	require.Equal(t, corev1.PreemptNever, *pod.Spec.PreemptionPolicy)
}

func TestDefaultIngressClass(t *testing.T) {
	class := func(name string, age int, isDefault bool) *networkingv1.IngressClass {
		c := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.Unix(int64(1000-age), 0)}}
		if isDefault {
			c.Annotations = map[string]string{networkingv1.AnnotationIsDefaultIngressClass: "true"}
		}
		return c
	}
	none := []apiserver.Hook{admission.DefaultIngressClass{Objects: typedtest.New(class("other", 1, false))}}
	hooks := []apiserver.Hook{admission.DefaultIngressClass{Objects: typedtest.New(
		class("old", 9, true), class("young", 5, true), class("younger-by-name", 5, true), class("other", 1, false))}}
	ingress := func() *networkingv1.Ingress {
		return &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	}
	got := ingress()
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, got, nil))
	require.Equal(t, "young", *got.Spec.IngressClassName, "the newest, and of those the first by name")

	got = ingress()
	require.NoError(t, admit(t.Context(), none, apiserver.Create, got, nil))
	require.Nil(t, got.Spec.IngressClassName)
	got.Annotations = map[string]string{"kubernetes.io/ingress.class": "nginx"}
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, got, nil))
	require.Nil(t, got.Spec.IngressClassName, "it is named in the old way")
}
