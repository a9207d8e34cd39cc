package apiserver

import (
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// nameAttempts is how often a generated name is made anew when it is taken.
const nameAttempts = 8

// create stores the object in the request's body.
func (q *request) create() error {
	if q.info.Name != "" {
		return noSuchMethod()
	}
	wanted := q.resource.New()
	if err := q.decodeObject(q.resource.GroupVersionKind, wanted); err != nil {
		return err
	}
	generated := wanted.GetName() == "" && wanted.GetGenerateName() != ""
	for attempt := 1; ; attempt++ {
		obj, err := q.createObject(api.Clone(wanted))
		if generated && attempt < nameAttempts && errors.Is(err, store.ErrExists) {
			continue
		}
		if errors.Is(err, store.ErrExists) {
			return q.exists(wanted.GetName())
		}
		if err != nil {
			return storeError(q.resource, wanted.GetName(), err)
		}
		return q.answerStored(http.StatusCreated, mainView(q.resource), obj)
	}
}

// createObject brings a new object through admission into the store.
func (q *request) createObject(obj api.Object) (api.Object, error) {
	forgetKind(obj)
	if err := placeInNamespace(q.resource, obj, q.info.Namespace); err != nil {
		return nil, err
	}
	if q.resource.Namespaced && obj.GetNamespace() == "" {
		return nil, apierrors.NewBadRequest("an empty namespace may not be set during creation")
	}
	given := obj.GetResourceVersion()
	beginMetadata(q.resource, obj)
	q.resetStatus(obj)
	q.tidyOwners(obj)
	obj, err := q.admit(Create, obj, nil, q.creation(obj))
	if err != nil {
		return nil, err
	}
	if q.options.dryRun {
		return obj, q.wouldCreate(obj)
	}
	if given != "" {
		return nil, statusError(http.StatusInternalServerError, "", "resourceVersion should not be set on objects to be created")
	}
	q.stored, err = q.server.storage.create(q.Context(), q.resource, obj)
	return obj, err
}

// exists refuses to create an object whose name is taken.
func (q *request) exists(name string) error {
	err := apierrors.NewAlreadyExists(q.resource.GroupResource(), name)
	there, readErr := q.server.storage.read(q.Context(), q.resource, q.info.Namespace, name)
	if readErr == nil && there.object.GetDeletionTimestamp() != nil {
		err.ErrStatus.Message = "object is being deleted: " + err.ErrStatus.Message
	}
	return err
}

// creation is the passage of a new object through admission.
func (q *request) creation(obj api.Object) passage {
	uid, created := obj.GetUID(), obj.GetCreationTimestamp()
	return passage{
		view: mainView(q.resource),
		settle: func(obj api.Object) (api.Object, error) {
			beginMetadata(q.resource, obj)
			obj.SetUID(uid)
			obj.SetCreationTimestamp(created)
			q.resetStatus(obj)
			return obj, placeInNamespace(q.resource, obj, q.info.Namespace)
		},
		prepare: func(obj api.Object) {
			generateName(obj)
			if q.resource.PrepareCreate != nil {
				q.resource.PrepareCreate(obj)
			}
		},
		validate: func(obj api.Object) error { return validateCreate(q.resource, obj, q.checkFinalizers(obj)) },
	}
}

// resetStatus drops the status that a client sent where it may not.
func (q *request) resetStatus(obj api.Object) {
	if q.resource.CopyStatus != nil {
		q.resource.CopyStatus(obj, q.resource.New())
	}
}

// wouldCreate says whether creating the object would find its name taken.
func (q *request) wouldCreate(obj api.Object) error {
	_, err := q.server.storage.read(q.Context(), q.resource, obj.GetNamespace(), obj.GetName())
	switch {
	case err == nil:
		return store.ErrExists
	case errors.Is(err, store.ErrNotFound):
		return nil
	default:
		return err
	}
}
