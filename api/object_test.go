package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/coracle-k8s/coracle/api"
)

func TestKeys(t *testing.T) {
	require.Equal(t, "default/web", api.KeyOf(somePod()))
	require.Equal(t, "n1", api.Key("", "n1"))

	namespace, name, err := api.SplitKey("default/web")
	require.NoError(t, err)
	require.Equal(t, []string{"default", "web"}, []string{namespace, name})
	namespace, name, err = api.SplitKey("n1")
	require.NoError(t, err)
	require.Equal(t, []string{"", "n1"}, []string{namespace, name})
	for _, bad := range []string{"", "/", "a/", "/a", "a/b/c"} {
		_, _, err := api.SplitKey(bad)
		require.ErrorContains(t, err, "want namespace/name", bad)
	}
}

func TestKindOf(t *testing.T) {
	kind, err := api.KindOf(&rbacv1.Role{})
	require.NoError(t, err)
	require.Equal(t, rbacv1.SchemeGroupVersion.WithKind("Role"), kind)

	boat := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "Boat"}}
	kind, err = api.KindOf(boat)
	require.NoError(t, err)
	require.Equal(t, "Boat", kind.Kind)

	pod := somePod()
	require.NoError(t, api.SetKind(pod))
	require.Equal(t, metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, pod.TypeMeta)

	_, err = api.KindOf(&unstructured.Unstructured{})
	require.Error(t, err)
}

func TestClone(t *testing.T) {
	pod := somePod()
	copied := api.Clone(pod)
	copied.Labels["app"] = "other"
	require.Equal(t, "web", pod.Labels["app"])
}

func TestResource_Names(t *testing.T) {
	r := &api.Resource{GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Pod"), Plural: "pods", Namespaced: true}
	require.Equal(t, "/registry/pods/default/web", r.Key("default", "web"))
	r.Group, r.Namespaced = "example.com", false
	require.Equal(t, "/registry/example.com/pods/web", r.Key("", "web"))
	r.StorageKey = "a/b"
	require.Equal(t, "/registry/a/b/", r.Prefix())
	require.Equal(t, "pods.example.com", r.GroupResource().String())
}

func TestRegistry(t *testing.T) {
	r := &api.Resource{GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Pod"), Plural: "pods"}
	registry := api.NewRegistry([]*api.Resource{r})
	require.Same(t, r, registry.ForKind(r.GroupVersionKind))
	require.Same(t, r, registry.Resource(r.GroupVersionResource()))
	require.Nil(t, registry.Resource(corev1.SchemeGroupVersion.WithResource("boats")))
	require.Len(t, registry.All(), 1)
}
