package apiserver

import (
	"slices"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// A view is what a path shows of an object and lets a client change: all but
// the status, the status alone, the number of replicas. So one read, one update
// and one patch serve an object and its subresources.
type view struct {
	name  string
	whole bool // show returns the object as it is
	kind  schema.GroupVersionKind
	empty func() api.Object
	// show returns the object as the path shows it. It may share memory with obj.
	show func(obj api.Object) api.Object
	// merge returns what becomes of old when the client wants `wanted`, which
	// merge may keep; it must not change old.
	merge func(wanted, old api.Object) (api.Object, error)
	// prepare drops what this path may not change, after the hooks.
	prepare func(obj, old api.Object)
	check   func(obj, old api.Object) field.ErrorList
	// warnings returns what to tell the client of a write that is in order.
	warnings func(obj, old api.Object) []string
	verbs    []string
}

// serves says whether the path has the verb.
func (v *view) serves(verb string) bool { return slices.Contains(v.verbs, verb) }

// allVerbs are those of a resource that limits none.
var allVerbs = []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}

func verbsOf(r *api.Resource) []string {
	if r.Verbs != nil {
		return r.Verbs
	}
	return allVerbs
}

// viewOf returns the view that a subresource is, or the whole object's. It
// does not know the subresources that have a [Connector].
func viewOf(r *api.Resource, subresource string) (*view, bool) {
	switch {
	case subresource == "":
		return mainView(r), true
	case subresource == "status" && r.CopyStatus != nil:
		return statusView(r), true
	case subresource == "scale" && r.Scale != nil:
		return scaleView(r), true
	case subresource == "finalize" && r.Finalize != nil:
		return finalizeView(r), true
	}
	for _, part := range r.Parts {
		if part.Name == subresource {
			return partView(r, part), true
		}
	}
	return nil, false
}

// viewNames returns the subresources of a kind that are views of its objects.
func viewNames(r *api.Resource) []string {
	var names []string
	for _, name := range []string{"finalize", "scale", "status"} {
		if _, found := viewOf(r, name); found {
			names = append(names, name)
		}
	}
	for _, part := range r.Parts {
		names = append(names, part.Name)
	}
	return names
}

func itself(obj api.Object) api.Object { return obj }

func keep(obj, old api.Object) {}

// mainView is the object without its status.
func mainView(r *api.Resource) *view {
	return &view{
		kind: r.GroupVersionKind, empty: r.New, whole: true, show: itself, verbs: verbsOf(r),
		merge: func(wanted, old api.Object) (api.Object, error) {
			if r.CopyStatus != nil {
				r.CopyStatus(wanted, api.Clone(old))
			}
			if r.Finalize != nil {
				r.Finalize.Copy(wanted, api.Clone(old))
			}
			return wanted, nil
		},
		prepare: func(obj, old api.Object) {
			if r.PrepareUpdate != nil {
				r.PrepareUpdate(obj, old)
			}
		},
		check:    checkMain(r),
		warnings: r.Warnings,
	}
}

// statusView is the status alone, with as much of the metadata as the kind allows.
func statusView(r *api.Resource) *view {
	return &view{
		name: "status", kind: r.GroupVersionKind, empty: r.New, whole: true, show: itself,
		verbs: []string{"get", "patch", "update"},
		merge: func(wanted, old api.Object) (api.Object, error) {
			obj := api.Clone(old)
			r.CopyStatus(obj, wanted)
			copyStatusMetadata(r, obj, wanted)
			return obj, nil
		},
		prepare: func(obj, old api.Object) {
			if r.PrepareStatus != nil {
				r.PrepareStatus(obj, old)
			}
		},
		check: r.ValidateStatus,
	}
}

// partView is a part that a kind has of its own.
func partView(r *api.Resource, part api.Part) *view {
	return &view{
		name: part.Name, kind: r.GroupVersionKind, empty: r.New, show: itself,
		verbs: []string{"get", "patch", "update"},
		merge: func(wanted, old api.Object) (api.Object, error) {
			obj := api.Clone(old)
			part.Copy(obj, wanted)
			return obj, nil
		},
		prepare: func(obj, old api.Object) {
			if part.Prepare != nil {
				part.Prepare(obj, old)
			}
		},
		check: part.Validate,
	}
}

// copyStatusMetadata sets the metadata that goes with the status.
func copyStatusMetadata(r *api.Resource, obj, wanted api.Object) {
	takes := func(name string) bool { return !r.StatusAlone && !slices.Contains(r.StatusKeeps, name) }
	if takes("labels") {
		obj.SetLabels(wanted.GetLabels())
	}
	if takes("annotations") {
		obj.SetAnnotations(wanted.GetAnnotations())
	}
	if takes("finalizers") {
		obj.SetFinalizers(wanted.GetFinalizers())
	}
	if takes("ownerReferences") {
		obj.SetOwnerReferences(wanted.GetOwnerReferences())
	}
}

// finalizeView is the finalizers outside metadata alone.
func finalizeView(r *api.Resource) *view {
	return &view{
		name: "finalize", kind: r.GroupVersionKind, empty: r.New, whole: true, show: itself,
		verbs: []string{"update"},
		merge: func(wanted, old api.Object) (api.Object, error) {
			obj := api.Clone(old)
			r.Finalize.Copy(obj, wanted)
			return obj, nil
		},
		prepare: keep,
		check:   checkMain(r),
	}
}

// scaleView is the wanted number of replicas, in the form that all kinds share.
func scaleView(r *api.Resource) *view {
	return &view{
		name: "scale", kind: autoscalingv1.SchemeGroupVersion.WithKind("Scale"),
		empty: func() api.Object { return &autoscalingv1.Scale{} },
		verbs: []string{"get", "patch", "update"},
		show: func(obj api.Object) api.Object {
			scale := r.Scale.Get(obj)
			scale.Name, scale.Namespace, scale.UID = obj.GetName(), obj.GetNamespace(), obj.GetUID()
			scale.ResourceVersion, scale.CreationTimestamp = obj.GetResourceVersion(), obj.GetCreationTimestamp()
			return scale
		},
		merge: func(wanted, old api.Object) (api.Object, error) {
			scale := wanted.(*autoscalingv1.Scale)
			if err := validateScale(scale); err != nil && !isCustom(r) { // of a custom one, its schema decides
				return nil, err
			}
			obj := api.Clone(old)
			r.Scale.Set(obj, scale.Spec.Replicas)
			return obj, nil
		},
		prepare: keep,
		check:   checkMain(r),
	}
}

func validateScale(scale *autoscalingv1.Scale) error {
	errs := validation.ValidateNonnegativeField(int64(scale.Spec.Replicas), field.NewPath("spec", "replicas"))
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(schema.GroupKind{Group: "autoscaling", Kind: "Scale"}, scale.Name, errs)
}

// sameObject checks the resourceVersion and UID that a client may name to say
// which state of which object it means.
func sameObject(r *api.Resource, wanted api.Object, old state) error {
	if revision := wanted.GetResourceVersion(); revision != "" && revision != formatRevision(old.revision) {
		return conflictError(r, old.object.GetName())
	}
	if uid := wanted.GetUID(); uid != "" && uid != old.object.GetUID() {
		return invalid(r, old.object, field.ErrorList{field.Invalid(field.NewPath("metadata", "uid"), uid, "field is immutable")})
	}
	return nil
}

// sameUID is what comes before everything else when an object is replaced as a
// whole: it is not meant for another one of its name.
func sameUID(r *api.Resource, wanted, old api.Object) error {
	if uid := wanted.GetUID(); uid != "" && uid != old.GetUID() {
		return preconditionError(r, old.GetNamespace(), old.GetName(), string(uid), string(old.GetUID()))
	}
	return nil
}
