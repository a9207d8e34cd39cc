package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func configMaps() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("ConfigMap"),
		Plural:           "configmaps",
		Singular:         "configmap",
		ShortNames:       []string{"cm"},
		Namespaced:       true,
		New:              func() api.Object { return &corev1.ConfigMap{} },
		NewList:          func() runtime.Object { return &corev1.ConfigMapList{} },
		Validate:         rule(checkConfigMap),
		ValidateUpdate:   pairRule(checkConfigMapUpdate),
		Columns: table(
			count("Data", docs(corev1.ConfigMap{}, "data"), func(cm *corev1.ConfigMap) int64 {
				return int64(len(cm.Data) + len(cm.BinaryData))
			}),
			api.AgeColumn(),
		),
	}
}

func checkConfigMap(j *judge, cm *corev1.ConfigMap) {
	size := 0
	for _, key := range sortedKeys(cm.Data) {
		path := field.NewPath("data").Key(key)
		j.invalid(path, key, validation.IsConfigMapKey(key)...)
		if _, twice := cm.BinaryData[key]; twice {
			j.invalid(path, key, "duplicate of key present in binaryData")
		}
		size += len(cm.Data[key])
	}
	for _, key := range sortedKeys(cm.BinaryData) {
		j.invalid(field.NewPath("binaryData").Key(key), key, validation.IsConfigMapKey(key)...)
		size += len(cm.BinaryData[key])
	}
	if size > corev1.MaxSecretSize {
		j.tooLong(field.NewPath(""), corev1.MaxSecretSize)
	}
}

func checkConfigMapUpdate(j *judge, cm, old *corev1.ConfigMap) {
	if !frozen(j, cm.Immutable, old.Immutable) {
		return
	}
	if !same(cm.Data, old.Data) {
		j.forbidden(field.NewPath("data"), frozenDetail)
	}
	if !same(cm.BinaryData, old.BinaryData) {
		j.forbidden(field.NewPath("binaryData"), frozenDetail)
	}
}

const frozenDetail = "field is immutable when `immutable` is set"

// frozen says whether the old object declared itself immutable, a word that
// cannot be taken back.
func frozen(j *judge, immutable, old *bool) bool {
	if old == nil || !*old {
		return false
	}
	if immutable == nil || !*immutable {
		j.forbidden(field.NewPath("immutable"), frozenDetail)
	}
	return true
}
