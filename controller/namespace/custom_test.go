package namespace_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

// A namespace takes its custom objects with it, those of kinds too that were
// made a moment ago.
func TestNamespace_TakesCustomObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t)
		keep := true
		d := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "boats.example.org"}}
		d.Spec.Group, d.Spec.Scope = "example.org", apiextensionsv1.NamespaceScoped
		d.Spec.Names = apiextensionsv1.CustomResourceDefinitionNames{Plural: "boats", Kind: "Boat"}
		d.Spec.Versions = []apiextensionsv1.CustomResourceDefinitionVersion{{
			Name: "v1", Served: true, Storage: true,
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
				Type: "object", XPreserveUnknownFields: &keep,
			}},
		}}
		_, err := client.For[*apiextensionsv1.CustomResourceDefinition](c).Create(t.Context(), d)
		require.NoError(t, err)
		namespaces := client.For[*corev1.Namespace](c)
		_, err = namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "harbour"}})
		require.NoError(t, err)
		settle(time.Second)
		boats := client.Dynamic(c, &api.Resource{
			GroupVersionKind: schema.GroupVersionKind{Group: "example.org", Version: "v1", Kind: "Boat"}, Plural: "boats", Namespaced: true,
		})
		_, err = boats.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "example.org/v1", "kind": "Boat", "metadata": map[string]any{"namespace": "harbour", "name": "argo"},
		}})
		require.NoError(t, err)
		require.NoError(t, namespaces.Delete(t.Context(), "", "harbour"))
		settle(time.Minute)
		_, err = namespaces.Get(t.Context(), "", "harbour")
		require.True(t, apierrors.IsNotFound(err), "%v", err)
		left, err := boats.List(t.Context(), "", client.ListOptions{})
		require.NoError(t, err)
		require.Empty(t, left.Items)
	})
}
