package apiserver

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// A generated name is the client's base, cut to leave room, and five random
// characters out of an alphabet without vowels, so that no words arise.
const (
	maxGeneratedName = 63
	randomSuffix     = 5
)

// generateName gives an object without a name one made from its generateName.
func generateName(obj api.Object) {
	base := obj.GetGenerateName()
	if base == "" || obj.GetName() != "" {
		return
	}
	if len(base) > maxGeneratedName-randomSuffix {
		base = base[:maxGeneratedName-randomSuffix]
	}
	obj.SetName(base + rand.String(randomSuffix))
}

// now is the time as the API writes it, to the second.
func now() metav1.Time { return metav1.NewTime(time.Now()).Rfc3339Copy() }

// beginMetadata sets what only the server may say about a new object.
func beginMetadata(r *api.Resource, obj api.Object) {
	obj.SetUID(uuid.NewUUID())
	obj.SetCreationTimestamp(now())
	obj.SetDeletionTimestamp(nil)
	obj.SetDeletionGracePeriodSeconds(nil)
	obj.SetSelfLink("")
	obj.SetResourceVersion("")
	obj.SetGeneration(0)
	if r.Generation {
		obj.SetGeneration(1)
	}
}

// carryMetadata keeps, in an object that replaces old, what clients may leave out
// or what they say of which is ignored.
func carryMetadata(obj, old api.Object) {
	if obj.GetUID() == "" {
		obj.SetUID(old.GetUID())
	}
	obj.SetCreationTimestamp(old.GetCreationTimestamp())
	obj.SetResourceVersion(old.GetResourceVersion())
	if at := old.GetDeletionTimestamp(); at != nil {
		obj.SetDeletionTimestamp(at)
	}
	if obj.GetDeletionGracePeriodSeconds() == nil {
		obj.SetDeletionGracePeriodSeconds(old.GetDeletionGracePeriodSeconds())
	}
	obj.SetGeneration(old.GetGeneration())
}

// countGeneration raises the generation of an object whose wanted state is not
// old's any more.
func countGeneration(r *api.Resource, obj, old api.Object) {
	if !r.Generation {
		return
	}
	changed := r.GenerationChanged
	if changed == nil {
		changed = func(obj, old api.Object) bool { return wantedChanged(r, obj, old) }
	}
	if changed(obj, old) {
		obj.SetGeneration(old.GetGeneration() + 1)
	}
}

// wantedChanged compares all but metadata and status.
func wantedChanged(r *api.Resource, obj, old api.Object) bool {
	bare := func(o api.Object) api.Object {
		o = shallowCopy(o)
		empty := r.New()
		if r.CopyStatus != nil {
			r.CopyStatus(o, empty)
		}
		copyMetadata(o, empty)
		return o
	}
	return !equality.Semantic.DeepEqual(bare(obj), bare(old))
}

// copyMetadata makes src's metadata dst's.
func copyMetadata(dst, src api.Object) {
	dst.SetName(src.GetName())
	dst.SetGenerateName(src.GetGenerateName())
	dst.SetNamespace(src.GetNamespace())
	dst.SetSelfLink(src.GetSelfLink())
	dst.SetUID(src.GetUID())
	dst.SetResourceVersion(src.GetResourceVersion())
	dst.SetGeneration(src.GetGeneration())
	dst.SetCreationTimestamp(src.GetCreationTimestamp())
	dst.SetDeletionTimestamp(src.GetDeletionTimestamp())
	dst.SetDeletionGracePeriodSeconds(src.GetDeletionGracePeriodSeconds())
	dst.SetLabels(src.GetLabels())
	dst.SetAnnotations(src.GetAnnotations())
	dst.SetFinalizers(src.GetFinalizers())
	dst.SetOwnerReferences(src.GetOwnerReferences())
	dst.SetManagedFields(src.GetManagedFields())
}

// placeInNamespace gives the object the namespace of the URL, which it may name
// itself but not contradict.
func placeInNamespace(r *api.Resource, obj api.Object, namespace string) error {
	if !r.Namespaced {
		namespace = "" // that of a namespace's URL is itself
	}
	if obj.GetNamespace() == "" {
		obj.SetNamespace(namespace)
	}
	return checkNamespace(r, obj, namespace)
}

// checkNamespace makes sure that the object does not contradict the URL.
func checkNamespace(r *api.Resource, obj api.Object, namespace string) error {
	if given := obj.GetNamespace(); given != "" && (!r.Namespaced || given != namespace) {
		return apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
	}
	return nil
}

// checkName makes sure that the object is the one the URL names.
func checkName(obj api.Object, name string) error {
	switch obj.GetName() {
	case name:
		return nil
	case "":
		return apierrors.NewBadRequest(fmt.Sprintf(
			"the name of the object (%s based on URL) was undeterminable: name must be provided", name))
	default:
		return apierrors.NewBadRequest(fmt.Sprintf(
			"the name of the object (%s) does not match the name on the URL (%s)", obj.GetName(), name))
	}
}

// validateCreate judges a new object: its metadata by the rules of all kinds,
// where more has been found already, the rest by its kind's.
func validateCreate(r *api.Resource, obj api.Object, more field.ErrorList) error {
	validateName := r.ValidateName
	if validateName == nil {
		validateName = validation.NameIsDNSSubdomain
	}
	errs := validation.ValidateObjectMetaAccessor(obj, r.Namespaced, validateName, field.NewPath("metadata"))
	errs = append(errs, more...)
	if r.Validate != nil {
		errs = append(errs, r.Validate(obj)...)
	}
	if r.ValidateCreate != nil {
		errs = append(errs, r.ValidateCreate(obj)...)
	}
	return invalid(r, obj, errs)
}

// validateUpdate judges an object that is to replace old. Further checks, such
// as those of a subresource, take the place of the kind's own.
func validateUpdate(r *api.Resource, obj, old api.Object, more field.ErrorList, check func(obj, old api.Object) field.ErrorList) error {
	errs := validation.ValidateObjectMetaAccessorUpdate(obj, old, field.NewPath("metadata"))
	errs = append(errs, more...)
	if check != nil {
		errs = append(errs, check(obj, old)...)
	}
	return invalid(r, obj, errs)
}

// checkMain are the rules for an object that is replaced as a whole.
func checkMain(r *api.Resource) func(obj, old api.Object) field.ErrorList {
	return func(obj, old api.Object) field.ErrorList {
		var errs field.ErrorList
		if r.Validate != nil && !r.UpdateAlone {
			errs = r.Validate(obj)
		}
		if r.ValidateUpdate != nil {
			errs = append(errs, r.ValidateUpdate(obj, old)...)
		}
		return errs
	}
}

func invalid(r *api.Resource, obj api.Object, errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(r.SaidKind(), obj.GetName(), errs)
}
