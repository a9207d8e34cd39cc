package apiserver

import (
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// update replaces what a view shows of an object by the request's body.
func (q *request) update(v *view) error {
	if q.info.Name == "" {
		return noSuchMethod()
	}
	body := v.empty()
	if err := q.decodeObject(v.kind, body); err != nil {
		return err
	}
	if err := checkName(body, q.info.Name); err != nil {
		return err
	}
	if err := placeInNamespace(q.resource, body, q.info.Namespace); err != nil {
		return err
	}
	obj, err := q.change(v, func(old api.Object) (api.Object, error) {
		if err := sameUID(q.resource, body, old); err != nil {
			return nil, err
		}
		return api.Clone(body), q.checkConditional(body)
	})
	if errors.Is(err, store.ErrNotFound) && q.resource.CreateOnUpdate && v.name == "" && body.GetResourceVersion() == "" {
		obj, err = q.createByUpdate(body)
		if err == nil {
			return q.answerStored(http.StatusCreated, v, obj)
		}
	}
	if err != nil {
		return storeError(q.resource, q.info.Name, err)
	}
	return q.answerStored(http.StatusOK, v, obj)
}

// createByUpdate creates what a PUT did not find. The client needs the right
// to create, too.
func (q *request) createByUpdate(body api.Object) (api.Object, error) {
	attributes := q.info.attributes(q.user, nil)
	attributes.Verb = "create"
	if err := q.server.allow(q.Context(), attributes); err != nil {
		return nil, err
	}
	return q.createObject(api.Clone(body))
}

// checkConditional refuses a PUT that does not say which state it replaces, for
// the kinds that insist.
func (q *request) checkConditional(body api.Object) error {
	if !q.resource.NoUnconditionalUpdate || body.GetResourceVersion() != "" {
		return nil
	}
	// This one is said of the resource, not of the kind.
	named := schema.GroupKind{Group: q.resource.Group, Kind: q.resource.Plural}
	return apierrors.NewInvalid(named, body.GetName(), field.ErrorList{
		field.Invalid(field.NewPath("metadata", "resourceVersion"), 0, "must be specified for an update")})
}

// change reads an object, asks what the client wants of it, and writes that,
// again from the start when somebody else was faster. It returns the object as
// stored, or, with store.ErrNotFound, none.
//
// Who names the state to be changed, by its resourceVersion, gets a conflict
// instead of another attempt.
func (q *request) change(v *view, wanted func(old api.Object) (api.Object, error)) (api.Object, error) {
	storage := q.server.storage
	current, err := storage.read(q.Context(), q.resource, q.info.Namespace, q.info.Name)
	for err == nil {
		var want, obj api.Object
		if want, err = wanted(current.object); err != nil {
			return nil, err
		}
		if err = sameObject(q.resource, want, current); err != nil {
			return nil, err
		}
		if obj, err = q.admitChange(v, want, current.object); err != nil {
			return nil, err
		}
		if current, err = q.store(obj, current); err == nil {
			return obj, nil
		}
		if errors.Is(err, store.ErrConflict) && q.Context().Err() == nil {
			err = nil
		}
	}
	return nil, err
}

// admitChange makes the object that is to be stored out of what is wanted.
func (q *request) admitChange(v *view, want, old api.Object) (api.Object, error) {
	forgetKind(want)
	obj, err := v.merge(want, old)
	if err != nil {
		return nil, err
	}
	carryMetadata(obj, old)
	q.tidyOwners(obj)
	obj, err = q.admit(Update, obj, old, q.replacement(v, old))
	if err == nil {
		keepTimes(obj, old)
	}
	return obj, err
}

// replacement is the passage through admission of what is to replace old.
func (q *request) replacement(v *view, old api.Object) passage {
	return passage{
		view: v,
		settle: func(shown api.Object) (api.Object, error) {
			obj, err := v.merge(shown, old)
			if err == nil {
				carryMetadata(obj, old)
			}
			return obj, err
		},
		prepare: func(obj api.Object) {
			v.prepare(obj, old)
			if v.name != "status" {
				countGeneration(q.resource, obj, old)
			}
		},
		validate: func(obj api.Object) error {
			return validateUpdate(q.resource, obj, old, q.checkFinalizers(obj), v.check)
		},
	}
}

// store writes the object in the place of its old state. An object that was
// being deleted and is now held by nothing goes away instead.
func (q *request) store(obj api.Object, old state) (state, error) {
	if q.options.dryRun {
		setRevision(obj, old.revision)
		return old, nil
	}
	if deletionDone(q.resource, obj) {
		newest, revision, err := q.server.storage.remove(q.Context(), q.resource, old)
		if err == nil {
			setRevision(obj, revision)
		}
		return newest, err
	}
	newest, err := q.server.storage.replace(q.Context(), q.resource, obj, old)
	if err == nil {
		q.stored = newest
	}
	return newest, err
}
