package kinds

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func controllerRevisions() *api.Resource {
	return &api.Resource{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("ControllerRevision"),
		Plural:           "controllerrevisions",
		Singular:         "controllerrevision",
		Namespaced:       true,
		New:              func() api.Object { return &appsv1.ControllerRevision{} },
		NewList:          func() runtime.Object { return &appsv1.ControllerRevisionList{} },
		Validate: rule(func(j *judge, r *appsv1.ControllerRevision) {
			if r.Data.Raw == nil && r.Data.Object == nil {
				j.required(field.NewPath("data"), "data is mandatory")
			}
			j.notNegative(field.NewPath("revision"), r.Revision)
		}),
		ValidateUpdate: pairRule(func(j *judge, r, old *appsv1.ControllerRevision) {
			j.unchanged(field.NewPath("data"), r.Data, old.Data)
		}),
		Columns: table(
			text("Controller", "Controller of the object", controllerOf),
			count("Revision", "Revision indicates the revision of the state represented by Data.",
				func(r *appsv1.ControllerRevision) int64 { return r.Revision }),
			api.AgeColumn(),
		),
	}
}

// controllerOf names the controller in kubectl's way: kind.group/name.
func controllerOf(r *appsv1.ControllerRevision) string {
	owner := metav1.GetControllerOf(r)
	if owner == nil {
		return none
	}
	// A version that cannot be read was refused when the object was written.
	version, _ := schema.ParseGroupVersion(owner.APIVersion)
	kind := schema.GroupKind{Group: version.Group, Kind: owner.Kind}
	return strings.ToLower(kind.String()) + "/" + owner.Name
}
