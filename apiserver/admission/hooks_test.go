package admission_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

// admit sends an object through hooks as the server does.
func admit(ctx context.Context, hooks []apiserver.Hook, op apiserver.Operation, obj, old api.Object) error {
	named := obj
	if named == nil {
		named = old
	}
	gvk, err := api.KindOf(named)
	if err != nil {
		return err
	}
	a := &apiserver.Admission{
		Operation: op, Resource: kinds.Registry().ForKind(gvk), Namespace: named.GetNamespace(), Name: named.GetName(),
		User: &apiserver.User{Name: "alice"}, Object: obj, Old: old, Warn: func(string) {}, Annotate: func(string, string) {},
	}
	for _, h := range hooks {
		if err := h.Mutate(ctx, a); err != nil {
			return err
		}
	}
	for _, h := range hooks {
		if err := h.Validate(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive}}
}

func account(name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
}

func newPod(change ...func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}
	for _, f := range change {
		f(pod)
	}
	return pod
}

func hooksOver(objs ...api.Object) []apiserver.Hook {
	return admission.Default(typedtest.New(objs...), admission.Options{})
}

func TestNamespaceLifecycle(t *testing.T) {
	ending := namespace("ending")
	ending.Status.Phase = corev1.NamespaceTerminating
	hooks := hooksOver(namespace("shop"), ending, account("default"))
	config := func(namespace string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "c"}}
	}
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, config("shop"), nil))

	err := admit(t.Context(), hooks, apiserver.Create, config("nowhere"), nil)
	require.True(t, apierrors.IsNotFound(err))
	require.EqualError(t, err, `namespaces "nowhere" not found`)

	err = admit(t.Context(), hooks, apiserver.Create, config("ending"), nil)
	require.True(t, apierrors.IsForbidden(err))
	require.True(t, apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause))
	require.EqualError(t, err, `configmaps "c" is forbidden: unable to create new content in namespace ending because it is being terminated`)
	require.NoError(t, admit(t.Context(), hooks, apiserver.Update, config("ending"), config("ending")), "what is there can be changed")
	require.NoError(t, admit(t.Context(), hooks, apiserver.Delete, nil, config("ending")))

	for name, may := range map[string]bool{"default": false, "kube-system": false, "kube-public": false, "kube-node-lease": true, "shop": true} {
		err := admit(t.Context(), hooks, apiserver.Delete, nil, namespace(name))
		require.Equal(t, may, err == nil, "delete namespace %s: %v", name, err)
	}
}

func TestServiceAccount(t *testing.T) {
	yes, no := true, false
	shy := account("shy")
	shy.AutomountServiceAccountToken = &no
	shy.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
	hooks := hooksOver(namespace("shop"), account("default"), shy)
	mounts := func(pod *corev1.Pod) int {
		n := 0
		for _, c := range pod.Spec.Containers {
			for _, m := range c.VolumeMounts {
				if m.MountPath == "/var/run/secrets/kubernetes.io/serviceaccount" {
					n++
				}
			}
		}
		return n
	}

	pod := newPod()
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, pod, nil))
	require.Equal(t, "default", pod.Spec.ServiceAccountName)
	require.Equal(t, "default", pod.Spec.DeprecatedServiceAccount)
	require.Equal(t, 1, mounts(pod))
	volume := pod.Spec.Volumes[0]
	require.True(t, strings.HasPrefix(volume.Name, "kube-api-access-"), volume.Name)
	sources := volume.Projected.Sources
	require.Equal(t, int64(3607), *sources[0].ServiceAccountToken.ExpirationSeconds)
	require.Equal(t, "kube-root-ca.crt", sources[1].ConfigMap.Name)
	require.Equal(t, "namespace", sources[2].DownwardAPI.Items[0].Path)
	require.Equal(t, int32(0o644), *volume.Projected.DefaultMode)

	again := pod.DeepCopy()
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, again, nil))
	require.Len(t, again.Spec.Volumes, 1, "a copy of a pod gets no second volume")

	for name, test := range map[string]struct {
		account string
		pod     *bool
		mounts  int
	}{
		"the account says no":              {"shy", nil, 0},
		"the pod says yes to a no":         {"shy", &yes, 1},
		"the pod says no":                  {"default", &no, 0},
		"nobody says anything, so it is 1": {"default", nil, 1},
	} {
		pod := newPod(func(p *corev1.Pod) {
			p.Spec.ServiceAccountName, p.Spec.AutomountServiceAccountToken = test.account, test.pod
		})
		require.NoError(t, admit(t.Context(), hooks, apiserver.Create, pod, nil), name)
		require.Equal(t, test.mounts, mounts(pod), name)
		if test.account == "shy" {
			require.Equal(t, "registry", pod.Spec.ImagePullSecrets[0].Name)
		}
	}

	taken := newPod(func(p *corev1.Pod) {
		p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "mine", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"}}
	})
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, taken, nil))
	require.Empty(t, taken.Spec.Volumes, "a volume that nobody mounts is not added")

	err := admit(t.Context(), hooks, apiserver.Create, newPod(func(p *corev1.Pod) { p.Spec.ServiceAccountName = "ghost" }), nil)
	require.EqualError(t, err, `pods "web" is forbidden: error looking up service account shop/ghost: serviceaccount "ghost" not found`)

	mirror := newPod(func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} })
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, mirror, nil))
	require.Empty(t, mirror.Spec.ServiceAccountName)
}

func TestPriority(t *testing.T) {
	never := corev1.PreemptNever
	high := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "high"}, Value: 1000, PreemptionPolicy: &never}
	usual := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "usual"}, Value: 7, GlobalDefault: true}
	hooks := hooksOver(namespace("shop"), account("default"), high)
	withDefault := hooksOver(namespace("shop"), account("default"), high, usual)

	pod := newPod()
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, pod, nil))
	require.Equal(t, int32(0), *pod.Spec.Priority)
	require.Equal(t, corev1.PreemptLowerPriority, *pod.Spec.PreemptionPolicy)

	pod = newPod(func(p *corev1.Pod) { p.Spec.PriorityClassName = "high" })
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, pod, nil))
	require.Equal(t, int32(1000), *pod.Spec.Priority)
	require.Equal(t, corev1.PreemptNever, *pod.Spec.PreemptionPolicy)

	pod = newPod()
	require.NoError(t, admit(t.Context(), withDefault, apiserver.Create, pod, nil))
	require.Equal(t, "usual", pod.Spec.PriorityClassName)
	require.Equal(t, int32(7), *pod.Spec.Priority)

	err := admit(t.Context(), hooks, apiserver.Create, newPod(func(p *corev1.Pod) { p.Spec.PriorityClassName = "none" }), nil)
	require.ErrorContains(t, err, "no PriorityClass with name none was found")
	million := int32(1000000)
	err = admit(t.Context(), hooks, apiserver.Create, newPod(func(p *corev1.Pod) { p.Spec.Priority = &million }), nil)
	require.ErrorContains(t, err, "the integer value of priority (1000000) must not be provided in pod spec")

	second := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "second"}, GlobalDefault: true}
	require.ErrorContains(t, admit(t.Context(), withDefault, apiserver.Create, second, nil), "Only one default can exist")
	require.NoError(t, admit(t.Context(), withDefault, apiserver.Update, usual.DeepCopy(), usual))
}

func TestDefaultTolerationSeconds(t *testing.T) {
	hooks := hooksOver(namespace("shop"), account("default"))
	pod := newPod()
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, pod, nil))
	require.Len(t, pod.Spec.Tolerations, 2)
	require.Equal(t, "node.kubernetes.io/not-ready", pod.Spec.Tolerations[0].Key)
	require.Equal(t, int64(300), *pod.Spec.Tolerations[0].TolerationSeconds)

	own := int64(5)
	pod = newPod(func(p *corev1.Pod) {
		p.Spec.Tolerations = []corev1.Toleration{{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &own}}
	})
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, pod, nil))
	require.Len(t, pod.Spec.Tolerations, 2)
	require.Equal(t, int64(5), *pod.Spec.Tolerations[0].TolerationSeconds)

	pod = newPod(func(p *corev1.Pod) { p.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}} })
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, pod, nil))
	require.Len(t, pod.Spec.Tolerations, 1, "who tolerates everything needs no more")
}

func TestNewNodesAreTainted(t *testing.T) {
	hooks := hooksOver()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}
	for range 2 { // a second time changes nothing
		require.NoError(t, admit(t.Context(), hooks, apiserver.Create, node, nil))
		require.Equal(t, []corev1.Taint{{Key: "node.kubernetes.io/not-ready", Effect: corev1.TaintEffectNoSchedule}}, node.Spec.Taints)
	}
}

func TestStorage(t *testing.T) {
	class := func(name, isDefault string) *storagev1.StorageClass {
		return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{
			Name: name, Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": isDefault},
		}}
	}
	hooks := hooksOver(namespace("shop"), class("slow", "false"), class("b", "true"), class("a", "true"))
	claim := func(class *string) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "c"},
			Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: class},
		}
	}
	got := claim(nil)
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, got, nil))
	require.Equal(t, "a", *got.Spec.StorageClassName)
	require.Equal(t, []string{"kubernetes.io/pvc-protection"}, got.Finalizers)

	none := ""
	got = claim(&none)
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, got, nil))
	require.Equal(t, "", *got.Spec.StorageClassName, "who wants none gets none")

	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "v"}}
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, volume, nil))
	require.Equal(t, []string{"kubernetes.io/pv-protection"}, volume.Finalizers)
}
