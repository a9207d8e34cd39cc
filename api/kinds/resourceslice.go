package kinds

import (
	resourcev1 "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// resourceSlices are what a driver has on a node, or on several: part of a pool.
func resourceSlices() *api.Resource {
	type slice = *resourcev1.ResourceSlice
	doc := resourcev1.ResourceSliceSpec{}.SwaggerDoc()
	return &api.Resource{
		GroupVersionKind: resourcev1.SchemeGroupVersion.WithKind("ResourceSlice"),
		Plural:           "resourceslices",
		Singular:         "resourceslice",
		New:              func() api.Object { return &resourcev1.ResourceSlice{} },
		NewList:          func() runtime.Object { return &resourcev1.ResourceSliceList{} },
		Default: api.Do(func(s slice) {
			for i := range s.Spec.Devices {
				for k := range s.Spec.Devices[i].Taints {
					defaultDeviceTaint(&s.Spec.Devices[i].Taints[k])
				}
			}
		}),
		Validate:            rule(checkResourceSlice),
		ValidateUpdate:      pairRule(checkResourceSliceUpdate),
		Generation:          true,
		DeleteReturnsObject: true,
		UnknownField:        "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: %s",
		FieldNames:          []string{"spec.nodeName", "spec.driver", "spec.pool.name"},
		Fields: api.Value(func(s slice) fields.Set {
			return fields.Set{
				"spec.nodeName": textOr(s.Spec.NodeName, ""), "spec.driver": s.Spec.Driver, "spec.pool.name": s.Spec.Pool.Name,
			}
		}),
		Columns: table(
			text("Node", doc["nodeName"], func(s slice) string { return textOr(s.Spec.NodeName, "") }),
			text("Driver", doc["driver"], func(s slice) string { return s.Spec.Driver }),
			text("Pool", resourcev1.ResourcePool{}.SwaggerDoc()["name"], func(s slice) string { return s.Spec.Pool.Name }),
			api.AgeColumn(),
		),
	}
}
