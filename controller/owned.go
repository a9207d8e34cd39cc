package controller

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

// The indexes by which owners find what is theirs without looking at the rest.
const (
	byController = "controller"
	byUID        = "uid"
)

// IndexOwned lets [OwnedBy], [Candidates] and [LookupIn] be asked of an informer.
// Call it before the informer runs.
func IndexOwned[T api.Object](inf *client.Informer[T]) {
	inf.AddIndex(byController, func(obj T) []string {
		if ref := metav1.GetControllerOfNoCopy(obj); ref != nil {
			return []string{string(ref.UID)}
		}
		return []string{orphans(obj.GetNamespace())}
	})
	inf.AddIndex(byUID, func(obj T) []string { return []string{string(obj.GetUID())} })
}

// orphans is the index value of the objects of a namespace that nobody controls.
func orphans(namespace string) string { return "orphans of " + namespace }

// OwnedBy returns the objects that the owner with this uid controls.
func OwnedBy[T api.Object](inf *client.Informer[T], uid types.UID) []T {
	return inf.ByIndex(byController, string(uid))
}

// Candidates returns the objects that may be an owner's: those it controls, and
// those of its namespace that nobody does.
func Candidates[T api.Object](inf *client.Informer[T], owner api.Object) []T {
	return append(OwnedBy(inf, owner.GetUID()), inf.ByIndex(byController, orphans(owner.GetNamespace()))...)
}

// LookupIn returns what [Expectations.Met] asks for: whether an object is in
// the informer, and whether it is being deleted there.
func LookupIn[T api.Object](inf *client.Informer[T]) func(types.UID) (there, deleting bool) {
	return func(uid types.UID) (there, deleting bool) {
		found := inf.ByIndex(byUID, string(uid))
		return len(found) > 0, len(found) > 0 && found[0].GetDeletionTimestamp() != nil
	}
}
