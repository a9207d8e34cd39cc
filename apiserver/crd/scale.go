package crd

import (
	"fmt"
	"math"
	"strings"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// scaleOf makes the scale subresource, whose numbers stand where the
// definition says. Paths of it are fields with dots between.
func scaleOf(s *apiextensionsv1.CustomResourceSubresourceScale) *api.Scale {
	return &api.Scale{
		Get: func(obj api.Object) *autoscalingv1.Scale {
			wanted, _, _ := unstructured.NestedInt64(contentOf(obj), fieldsOf(s.SpecReplicasPath)...)
			found, _, _ := unstructured.NestedInt64(contentOf(obj), fieldsOf(s.StatusReplicasPath)...)
			scale := &autoscalingv1.Scale{}
			scale.Spec.Replicas, scale.Status.Replicas = int32(wanted), int32(found)
			if s.LabelSelectorPath != nil {
				scale.Status.Selector, _, _ = unstructured.NestedString(contentOf(obj), fieldsOf(*s.LabelSelectorPath)...)
			}
			return scale
		},
		Set: func(obj api.Object, replicas int32) {
			// An error means that a field on the way is no object; the
			// validation that follows says so.
			_ = unstructured.SetNestedField(contentOf(obj), int64(replicas), fieldsOf(s.SpecReplicasPath)...)
		},
	}
}

func fieldsOf(path string) []string { return strings.Split(strings.TrimPrefix(path, "."), ".") }

// judgeScale validates the fields that the scale subresource shows.
func judgeScale(s *apiextensionsv1.CustomResourceSubresourceScale, obj content, statusAlone bool) field.ErrorList {
	if s == nil {
		return nil
	}
	var errs field.ErrorList
	if !statusAlone {
		errs = append(errs, judgeReplicas(s.SpecReplicasPath, obj)...)
	}
	errs = append(errs, judgeReplicas(s.StatusReplicasPath, obj)...)
	if s.LabelSelectorPath != nil && *s.LabelSelectorPath != "" {
		if selector, _, err := unstructured.NestedString(obj, fieldsOf(*s.LabelSelectorPath)...); err != nil {
			errs = append(errs, field.Invalid(field.NewPath(*s.LabelSelectorPath), selector, err.Error()))
		}
	}
	return errs
}

func judgeReplicas(path string, obj content) field.ErrorList {
	replicas, _, err := unstructured.NestedInt64(obj, fieldsOf(path)...)
	refused := func(detail string) field.ErrorList {
		return field.ErrorList{field.Invalid(field.NewPath(path), replicas, detail)}
	}
	switch {
	case err != nil:
		return refused(err.Error())
	case replicas < 0:
		return refused("should be a non-negative integer")
	case replicas > math.MaxInt32:
		return refused(fmt.Sprintf("should be less than or equal to %v", math.MaxInt32))
	default:
		return nil
	}
}
