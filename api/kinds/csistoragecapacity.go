package kinds

import (
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// csiStorageCapacities say how much room a class of storage has for some nodes.
func csiStorageCapacities() *api.Resource {
	type capacity = *storagev1.CSIStorageCapacity
	return &api.Resource{
		GroupVersionKind: storagev1.SchemeGroupVersion.WithKind("CSIStorageCapacity"),
		Plural:           "csistoragecapacities",
		Singular:         "csistoragecapacity",
		Namespaced:       true,
		New:              func() api.Object { return &storagev1.CSIStorageCapacity{} },
		NewList:          func() runtime.Object { return &storagev1.CSIStorageCapacityList{} },
		Validate: rule(func(j *judge, c capacity) {
			checkSelector(j, c.NodeTopology, field.NewPath("nodeTopology"))
			j.subdomain(field.NewPath("storageClassName"), c.StorageClassName)
			if c.Capacity != nil {
				j.notNegativeQuantity(field.NewPath("capacity"), *c.Capacity)
			}
		}),
		ValidateUpdate: pairRule(func(j *judge, c, old capacity) {
			j.unchanged(field.NewPath("nodeTopology"), c.NodeTopology, old.NodeTopology)
			j.unchanged(field.NewPath("storageClassName"), c.StorageClassName, old.StorageClassName)
		}),
		NoUnconditionalUpdate: true,
		Columns:               createdAtColumns(),
	}
}
