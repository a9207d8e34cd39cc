package garbagecollector_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/coracle-k8s/coracle/client"
)

// Kinds that are made while the collector runs are collected as well, within seconds.
func TestCollector_CustomKinds(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		boats := w.define(t)
		fleet, err := boats.Create(t.Context(), boat("fleet", nil))
		require.NoError(t, err)
		_, err = boats.Create(t.Context(), boat("argo", fleet))
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		require.NoError(t, boats.Delete(t.Context(), "default", "fleet"))
		time.Sleep(5 * time.Second)
		_, err = boats.Get(t.Context(), "default", "argo")
		require.True(t, apierrors.IsNotFound(err), "%v", err)
	})
}

// define makes a kind, and returns its client as discovery finds it.
func (w *world) define(t *testing.T) *client.Kind[*unstructured.Unstructured] {
	t.Helper()
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
	_, err := client.For[*apiextensionsv1.CustomResourceDefinition](w.c).Create(t.Context(), d)
	require.NoError(t, err)
	time.Sleep(time.Second)
	found, err := w.c.Discover(t.Context())
	require.NoError(t, err)
	for _, r := range found {
		if r.Kind == "Boat" {
			return client.Dynamic(w.c, r)
		}
	}
	t.Fatal("nobody serves boats")
	return nil
}

func boat(name string, owner *unstructured.Unstructured) *unstructured.Unstructured {
	b := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.org/v1", "kind": "Boat"}}
	b.SetNamespace("default")
	b.SetName(name)
	if owner != nil {
		b.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "example.org/v1", Kind: "Boat", Name: owner.GetName(), UID: owner.GetUID()}})
	}
	return b
}
