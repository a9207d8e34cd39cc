package kinds

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// How much a class may tell its provisioner.
const (
	maxClassParameters     = 512
	maxClassParameterBytes = 256 * 1024
)

func storageClasses() *api.Resource {
	return &api.Resource{
		GroupVersionKind: storagev1.SchemeGroupVersion.WithKind("StorageClass"),
		Plural:           "storageclasses",
		Singular:         "storageclass",
		ShortNames:       []string{"sc"},
		New:              func() api.Object { return &storagev1.StorageClass{} },
		NewList:          func() runtime.Object { return &storagev1.StorageClassList{} },
		Default: api.Do(func(c *storagev1.StorageClass) {
			setDefaultPtr(&c.ReclaimPolicy, corev1.PersistentVolumeReclaimDelete)
			setDefaultPtr(&c.VolumeBindingMode, storagev1.VolumeBindingImmediate)
		}),
		Validate:            rule(checkStorageClass),
		ValidateUpdate:      pairRule(checkStorageClassUpdate),
		DeleteReturnsObject: true,
		Columns:             storageClassColumns(),
	}
}

func checkStorageClass(j *judge, c *storagev1.StorageClass) {
	if path := field.NewPath("provisioner"); j.filled(path, c.Provisioner) {
		j.qualified(path, strings.ToLower(c.Provisioner))
	}
	checkClassParameters(j, c.Parameters, field.NewPath("parameters"))
	if c.ReclaimPolicy != nil {
		oneOf(j, field.NewPath("reclaimPolicy"), *c.ReclaimPolicy,
			corev1.PersistentVolumeReclaimDelete, corev1.PersistentVolumeReclaimRetain)
	}
	if c.VolumeBindingMode == nil {
		j.required(field.NewPath("volumeBindingMode"), "")
	} else {
		oneOf(j, field.NewPath("volumeBindingMode"), *c.VolumeBindingMode,
			storagev1.VolumeBindingImmediate, storagev1.VolumeBindingWaitForFirstConsumer)
	}
	for i, term := range c.AllowedTopologies {
		path := field.NewPath("allowedTopologies").Index(i).Child("matchLabelExpressions")
		keys := nameSet{}
		for k, expression := range term.MatchLabelExpressions {
			if len(expression.Values) == 0 {
				j.required(path.Index(k).Child("values"), "")
			}
			values := nameSet{}
			for n, value := range expression.Values {
				values.unique(j, path.Index(k).Child("values").Index(n), value)
			}
			j.qualified(path.Index(k).Child("key"), expression.Key)
			keys.unique(j, path.Index(k).Child("key"), expression.Key)
		}
	}
}

func checkClassParameters(j *judge, parameters map[string]string, path *field.Path) {
	if len(parameters) > maxClassParameters {
		j.tooLong(path, maxClassParameters)
		return
	}
	size := 0
	for _, key := range sortedKeys(parameters) {
		if key == "" {
			j.invalid(path, "", "field can not be empty.")
		}
		size += len(key) + len(parameters[key])
	}
	if size > maxClassParameterBytes {
		j.tooLong(path, maxClassParameterBytes)
	}
}

func checkStorageClassUpdate(j *judge, c, old *storagev1.StorageClass) {
	j.unchangedLater(field.NewPath("provisioner"), c.Provisioner, old.Provisioner)
	j.unchangedLater(field.NewPath("parameters"), c.Parameters, old.Parameters)
	j.unchangedLater(field.NewPath("reclaimPolicy"), c.ReclaimPolicy, old.ReclaimPolicy)
	j.unchangedLater(field.NewPath("volumeBindingMode"), c.VolumeBindingMode, old.VolumeBindingMode)
}

// storageClassColumns marks every class that says it is the default one. Where
// there are several, Kubernetes marks the newest alone; a row here knows of
// no other.
func storageClassColumns() []api.Column {
	name := api.NameColumn()
	name.Value = api.Cell(func(c *storagev1.StorageClass) string {
		if c.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
			return c.Name + " (default)"
		}
		return c.Name
	})
	return []api.Column{
		name,
		text("Provisioner", docs(storagev1.StorageClass{}, "provisioner"), func(c *storagev1.StorageClass) string { return c.Provisioner }),
		text("ReclaimPolicy", docs(storagev1.StorageClass{}, "reclaimPolicy"), func(c *storagev1.StorageClass) string {
			if c.ReclaimPolicy == nil {
				return string(corev1.PersistentVolumeReclaimDelete)
			}
			return string(*c.ReclaimPolicy)
		}),
		text("VolumeBindingMode", docs(storagev1.StorageClass{}, "volumeBindingMode"), func(c *storagev1.StorageClass) string {
			if c.VolumeBindingMode == nil {
				return string(storagev1.VolumeBindingImmediate)
			}
			return string(*c.VolumeBindingMode)
		}),
		{
			Name: "AllowVolumeExpansion", Type: "string", Description: docs(storagev1.StorageClass{}, "allowVolumeExpansion"),
			Value: api.Cell(func(c *storagev1.StorageClass) bool {
				return c.AllowVolumeExpansion != nil && *c.AllowVolumeExpansion
			}),
		},
		api.AgeColumn(),
	}
}
