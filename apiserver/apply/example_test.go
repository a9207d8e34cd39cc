package apply_test

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver/apply"
)

// Two clients share a config map. Each has its own key of it.
func Example() {
	tracker, err := apply.NewTracker(kinds.Registry().Resource(corev1.SchemeGroupVersion.WithResource("configmaps")))
	if err != nil {
		fmt.Println(err)
		return
	}
	config := func(key, value string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{key: value},
		}}
	}
	colors, _ := tracker.Apply(nil, config("sky", "blue"), "", "ana", false)
	colors, _ = tracker.Apply(colors, config("sea", "green"), "", "bob", false)
	fmt.Println(colors.(*corev1.ConfigMap).Data)

	_, err = tracker.Apply(colors, config("sky", "red"), "", "bob", false)
	fmt.Println(err)

	colors, _ = tracker.Apply(colors, config("sky", "red"), "", "bob", true) // and sea no more
	fmt.Println(colors.(*corev1.ConfigMap).Data)
	for _, entry := range colors.GetManagedFields() {
		fmt.Println(entry.Manager, entry.FieldsV1)
	}
	// Output:
	// map[sea:green sky:blue]
	// Apply failed with 1 conflict: conflict with "ana": .data.sky
	// map[sky:red]
	// bob {"f:data":{"f:sky":{}}}
}
