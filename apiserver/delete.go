package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// delete removes an object, or begins to: see [request.deleteObject].
func (q *request) delete() error {
	options, err := q.deleteOptions()
	if err != nil {
		return err
	}
	obj, gone, err := q.deleteObject(q.info.Namespace, q.info.Name, options)
	if err != nil {
		return storeError(q.resource, q.info.Name, err)
	}
	if gone && !q.resource.DeleteReturnsObject {
		q.format.shape = asIs
		return q.answer(http.StatusOK, deletedStatus(q.resource, obj))
	}
	return q.answer(http.StatusOK, obj)
}

// deletedStatus says that the object is gone.
func deletedStatus(r *api.Resource, obj api.Object) *metav1.Status {
	return &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusSuccess,
		Code:     0,
		Details: &metav1.StatusDetails{
			Name: obj.GetName(), Group: r.Group, Kind: r.Plural, UID: obj.GetUID(),
		},
	}
}

// deleteCollection deletes all that the query selects, one after the other, and
// answers with a list of them.
func (q *request) deleteCollection() error {
	options, err := q.deleteOptions()
	if err != nil {
		return err
	}
	if options.Preconditions != nil && options.Preconditions.UID != nil {
		return apierrors.NewBadRequest("a UID precondition fits one object, not a collection")
	}
	found, err := q.readPage()
	if err != nil {
		return err
	}
	deleted := make([]api.Object, 0, len(found.entries))
	for _, each := range found.objects() {
		obj, _, err := q.deleteObject(each.GetNamespace(), each.GetName(), options)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return storeError(q.resource, each.GetName(), err)
		}
		deleted = append(deleted, obj)
	}
	list, err := q.shapeList(deleted, listMeta{revision: found.revision, next: found.next, remaining: found.remaining})
	if err != nil {
		return err
	}
	return q.write(http.StatusOK, list)
}

// deleteOptions reads the options in the body and the query.
func (q *request) deleteOptions() (*metav1.DeleteOptions, error) {
	options := &metav1.DeleteOptions{}
	if err := q.decodeOptions(options); err != nil {
		return nil, err
	}
	if err := parseDeleteOptions(q.URL.Query(), options); err != nil {
		return nil, err
	}
	q.options.dryRun = len(options.DryRun) > 0
	if q.resource.DeleteWarning != "" && options.PropagationPolicy == nil {
		q.warn(q.resource.DeleteWarning)
	}
	return options, nil
}

// deleteObject deletes an object and says whether it is gone. It is not if it
// first needs a grace period, in which a kubelet stops its containers, or has
// finalizers: then it is marked, and whoever takes away what holds it finishes.
func (q *request) deleteObject(namespace, name string, options *metav1.DeleteOptions) (api.Object, bool, error) {
	storage := q.server.storage
	current, err := storage.read(q.Context(), q.resource, namespace, name)
	for err == nil {
		if err := q.admitDelete(current, options); err != nil {
			return nil, false, err
		}
		obj := api.Clone(current.object)
		gone := markDeleted(q.resource, obj, options)
		switch {
		case q.options.dryRun:
			return obj, gone, nil
		case gone:
			var revision int64
			if current, revision, err = storage.remove(q.Context(), q.resource, current); err == nil {
				setRevision(obj, revision)
				return obj, true, nil
			}
		default:
			if current, err = storage.replace(q.Context(), q.resource, obj, current); err == nil {
				return obj, false, nil
			}
		}
		if errors.Is(err, store.ErrConflict) {
			err = context.Cause(q.Context())
		}
	}
	return nil, false, err
}

// admitDelete checks the client's preconditions and asks the hooks.
func (q *request) admitDelete(current state, options *metav1.DeleteOptions) error {
	obj := current.object
	if p := options.Preconditions; p != nil {
		if p.UID != nil && *p.UID != obj.GetUID() && deletedByKind(q.resource) {
			word := "precondition"
			if q.resource.Finalize != nil {
				word = "Precondition"
			}
			return apierrors.NewConflict(q.resource.GroupResource(), obj.GetName(), fmt.Errorf(
				"%s failed: UID in precondition: %s, UID in object meta: %s", word, *p.UID, obj.GetUID()))
		}
		if p.UID != nil && *p.UID != obj.GetUID() {
			return deletePreconditionError(q.resource, obj.GetName(), "UID", string(*p.UID), string(obj.GetUID()), "deleted and then recreated")
		}
		if p.ResourceVersion != nil && *p.ResourceVersion != obj.GetResourceVersion() {
			return deletePreconditionError(q.resource, obj.GetName(), "ResourceVersion", *p.ResourceVersion, obj.GetResourceVersion(), "modified")
		}
	}
	admission := q.admission(Delete, nil, obj)
	admission.Name, admission.Options = obj.GetName(), options
	if q.resource.Namespaced {
		admission.Namespace = obj.GetNamespace()
	}
	return q.admitRaw(admission)
}

// markDeleted writes into obj, in place, that it is being deleted, and returns
// whether nothing holds it any longer. A deletion under way can be made quicker
// but not slower.
func markDeleted(r *api.Resource, obj api.Object, options *metav1.DeleteOptions) (gone bool) {
	if r.BeginDelete != nil && obj.GetDeletionTimestamp() == nil {
		r.BeginDelete(obj)
	}
	obj.SetFinalizers(withPropagation(r, obj, options))
	var grace int64
	if r.GracePeriod != nil {
		grace = max(r.GracePeriod(obj, options.GracePeriodSeconds), 0)
	}
	if underWay := obj.GetDeletionTimestamp() != nil; underWay {
		if left := obj.GetDeletionGracePeriodSeconds(); left != nil && grace < *left {
			setDeletion(obj, deletionStart(obj), grace)
		}
		return deletionDone(r, obj)
	}
	gone = grace == 0 && len(obj.GetFinalizers()) == 0 && !held(r, obj)
	if gone && r.GracePeriod == nil {
		return true
	}
	setDeletion(obj, time.Now(), grace)
	if deletedByKind(r) {
		obj.SetDeletionGracePeriodSeconds(nil)
	} else if r.Generation && obj.GetGeneration() > 0 {
		obj.SetGeneration(obj.GetGeneration() + 1)
	}
	if r.Finalize != nil && r.Finalize.Begin != nil {
		r.Finalize.Begin(obj)
	}
	return gone
}

// deletedByKind says whether the kind begins a deletion in its own way. Such an
// object has no grace period, not even one of 0 s, and to delete it is no new
// generation of it.
func deletedByKind(r *api.Resource) bool { return r.Finalize != nil || r.BeginDelete != nil }

// setDeletion says that obj goes grace seconds after start.
func setDeletion(obj api.Object, start time.Time, grace int64) {
	at := metav1.NewTime(start.Add(time.Duration(grace) * time.Second)).Rfc3339Copy()
	obj.SetDeletionTimestamp(&at)
	obj.SetDeletionGracePeriodSeconds(&grace)
}

// deletionStart is when the deletion under way was asked for.
func deletionStart(obj api.Object) time.Time {
	return obj.GetDeletionTimestamp().Add(-time.Duration(*obj.GetDeletionGracePeriodSeconds()) * time.Second)
}

// deletionDone says that an object is being deleted and held by nothing.
func deletionDone(r *api.Resource, obj api.Object) bool {
	grace := obj.GetDeletionGracePeriodSeconds()
	return obj.GetDeletionTimestamp() != nil && len(obj.GetFinalizers()) == 0 &&
		(grace == nil || *grace == 0) && !held(r, obj)
}

func held(r *api.Resource, obj api.Object) bool {
	return r.Finalize != nil && r.Finalize.Held(obj)
}

// withPropagation returns obj's finalizers with the one that makes the garbage
// collector see to its dependents first, or without it. A client that has no
// wish leaves to an object what it has, or else gets the kind's default.
func withPropagation(r *api.Resource, obj api.Object, options *metav1.DeleteOptions) []string {
	policy := r.DeletePropagation
	has := func(finalizer string) bool { return slices.Contains(obj.GetFinalizers(), finalizer) }
	switch {
	case options.PropagationPolicy != nil:
		policy = *options.PropagationPolicy
	case has(metav1.FinalizerOrphanDependents) || has(metav1.FinalizerDeleteDependents):
		return obj.GetFinalizers()
	}
	finalizers := slices.DeleteFunc(slices.Clone(obj.GetFinalizers()), func(f string) bool {
		return f == metav1.FinalizerOrphanDependents || f == metav1.FinalizerDeleteDependents
	})
	switch policy {
	case metav1.DeletePropagationOrphan:
		finalizers = append(finalizers, metav1.FinalizerOrphanDependents)
	case metav1.DeletePropagationForeground:
		finalizers = append(finalizers, metav1.FinalizerDeleteDependents)
	}
	return finalizers
}
