package clustertest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	yamlstream "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/client"
)

// Apply creates the objects of a YAML or JSON text, which may hold several
// documents and Lists, in their order. Those that exist are changed to what the
// text says, as kubectl apply does: what an earlier Apply set and the text no
// longer names goes, what others set stays. Objects without a namespace go into
// default.
func (c *Cluster) Apply(text string) {
	c.t.Helper()
	objects, err := parse(text)
	if err != nil {
		c.t.Fatalf("apply: %v", err)
	}
	for _, obj := range objects {
		if err := c.apply(obj); err != nil {
			c.t.Fatalf("apply %s %s: %v", obj.GetKind(), obj.GetName(), err)
		}
	}
}

// ApplyFile applies the files of the given paths.
func (c *Cluster) ApplyFile(paths ...string) {
	c.t.Helper()
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			c.t.Fatalf("apply: %v", err)
		}
		c.Apply(string(text))
	}
}

// parse reads the objects of a text. Lists become what is in them.
func parse(text string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	documents := yamlstream.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(data, []byte("null")) {
			continue // nothing but comments
		}
		obj := &unstructured.Unstructured{}
		if err := obj.UnmarshalJSON(data); err != nil {
			return nil, err
		}
		if !obj.IsList() {
			objects = append(objects, obj)
			continue
		}
		if err := obj.EachListItem(func(item runtime.Object) error {
			objects = append(objects, item.(*unstructured.Unstructured))
			return nil
		}); err != nil {
			return nil, err
		}
	}
}

// apply creates an object or patches the one that is there.
func (c *Cluster) apply(obj *unstructured.Unstructured) error {
	ctx := c.t.Context()
	resource, err := c.resource(obj.GroupVersionKind())
	if err != nil {
		return err
	}
	if resource.Namespaced && obj.GetNamespace() == "" {
		obj.SetNamespace(metav1.NamespaceDefault)
	}
	want, err := obj.MarshalJSON()
	if err != nil {
		return err
	}
	kind := client.Dynamic(c.admin, resource)
	made, err := kind.Create(ctx, obj)
	if apierrors.IsAlreadyExists(err) {
		if made, err = kind.Get(ctx, obj.GetNamespace(), obj.GetName()); err != nil {
			return err
		}
		var patch []byte
		var form types.PatchType
		if patch, form, err = difference(c.applied[made.GetUID()], want, made); err == nil {
			_, err = kind.Patch(ctx, obj.GetNamespace(), obj.GetName(), form, patch)
		}
	}
	if err == nil {
		c.applied[made.GetUID()] = want
	}
	return err
}

// difference returns the patch that makes of an object what is wanted, given what
// was wanted before (nil if it is not known).
func difference(before, want []byte, is *unstructured.Unstructured) ([]byte, types.PatchType, error) {
	now, err := is.MarshalJSON()
	if err != nil {
		return nil, "", err
	}
	typed, err := api.Scheme().New(is.GroupVersionKind())
	if runtime.IsNotRegisteredError(err) {
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(before, want, now)
		return patch, types.MergePatchType, err
	}
	if err != nil {
		return nil, "", err
	}
	schema, err := strategicpatch.NewPatchMetaFromStruct(typed)
	if err != nil {
		return nil, "", err
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(before, want, now, schema, true)
	return patch, types.StrategicMergePatchType, err
}

// resource finds a kind among those that are built in, then among all that the
// server says it has.
func (c *Cluster) resource(gvk schema.GroupVersionKind) (*api.Resource, error) {
	if r := kinds.Registry().ForKind(gvk); r != nil {
		return r, nil
	}
	all, err := c.admin.Discover(c.t.Context())
	for _, r := range all {
		if r.GroupVersionKind == gvk {
			return r, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("the server has no kind %s", gvk), err)
}
