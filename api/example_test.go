package api_test

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// A kind is a value: names, and functions over its own type.
func Example() {
	configMaps := &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("ConfigMap"),
		Plural:           "configmaps",
		Namespaced:       true,
		New:              func() api.Object { return &corev1.ConfigMap{} },
		NewList:          func() runtime.Object { return &corev1.ConfigMapList{} },
		Default: api.Do(func(cm *corev1.ConfigMap) {
			if cm.Immutable == nil {
				cm.Immutable = new(false)
			}
		}),
	}
	registry := api.NewRegistry([]*api.Resource{configMaps})

	found := registry.Resource(corev1.SchemeGroupVersion.WithResource("configmaps"))
	obj := found.New()
	obj.SetName("conf")
	found.Default(obj)
	fmt.Println(found.Key("default", obj.GetName()), *obj.(*corev1.ConfigMap).Immutable)
	// Output:
	// /registry/configmaps/default/conf false
}

// Encoding fills in the kind; decoding reports what it did not know.
func ExampleCodec() {
	data, err := api.Codecs().EncodeBytes(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, api.YAML)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(data))

	found, err := api.Codecs().Decode(append(data, "colour: red\n"...), api.YAML, schema.GroupVersionKind{}, nil)
	fmt.Println(found.Kind.Kind, found.Strict, err)
	// Output:
	// apiVersion: v1
	// kind: Namespace
	// metadata:
	//   name: shop
	// spec: {}
	// status: {}
	// Namespace [unknown field "colour"] <nil>
}
