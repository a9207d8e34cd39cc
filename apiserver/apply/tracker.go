package apply

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/coracle-k8s/coracle/api"
)

// A Tracker knows, for the objects of one resource, who manages which field.
// It is safe for concurrent use.
type Tracker struct {
	version
	converter *converter
	managers  map[string]*managedfields.FieldManager // by subresource
	ownable   map[string]fieldpath.Filter            // by subresource
	unownable *fieldpath.Set
	alone     bool // its objects have no other form
}

// NewTracker returns the tracker of a resource. It describes the resource's Go
// type to the merge, which takes a few milliseconds, so keep it.
//
// Of the others, those that are further forms of the same objects count: a
// field that is managed in another version is still managed.
func NewTracker(r *api.Resource, others ...*api.Resource) (*Tracker, error) {
	c := &converter{versions: versionsOf(r, others)}
	t := &Tracker{
		version: c.versions[0], converter: c, alone: len(c.versions) == 1, unownable: neverOwned(),
		managers: map[string]*managedfields.FieldManager{}, ownable: map[string]fieldpath.Filter{},
	}
	newManager := managedfields.NewDefaultFieldManager
	if t.custom {
		newManager = managedfields.NewDefaultCRDFieldManager
	}
	paths := []string{"", "status", "scale", "finalize"}
	for _, part := range r.Parts {
		paths = append(paths, part.Name)
	}
	for _, subresource := range paths {
		filters := map[fieldpath.APIVersion]fieldpath.Filter{}
		for _, v := range c.versions {
			if filter := ownable(v.resource, subresource); filter != nil {
				filters[fieldpath.APIVersion(v.resource.GroupVersion().String())] = filter
			}
		}
		m, err := newManager(c, c, c, c, r.GroupVersionKind, r.GroupVersion(), subresource, filters)
		if err != nil {
			return nil, fmt.Errorf("track %s: %w", r.Plural, err)
		}
		t.managers[subresource], t.ownable[subresource] = m, ownable(r, subresource)
	}
	return t, nil
}

// ownable is a filter of the fields that a path lets its clients own: those it
// lets them change. Nil is all.
func ownable(r *api.Resource, subresource string) fieldpath.Filter {
	switch {
	case r.CopyStatus == nil:
		return nil
	case subresource == "":
		return fieldpath.NewExcludeSetFilter(fieldpath.NewSet(fieldpath.MakePathOrDie("status")))
	case subresource == "status":
		return fieldpath.NewIncludeMatcherFilter(ownableByStatus(r)...)
	default:
		return nil
	}
}

// ownableByStatus is the status, and the metadata that may be written with it.
func ownableByStatus(r *api.Resource) []*fieldpath.SetMatcher {
	paths := []*fieldpath.SetMatcher{fieldpath.MakePrefixMatcherOrDie("status")}
	for _, name := range []string{"annotations", "finalizers", "labels", "ownerReferences"} {
		if !r.StatusAlone && !slices.Contains(r.StatusKeeps, name) {
			paths = append(paths, fieldpath.MakePrefixMatcherOrDie("metadata", name))
		}
	}
	return paths
}

// Update notes in obj, which is to take the place of old, that the manager
// owns what is different, and that nobody else does any more. A nil old is an
// object to be created. What obj says of its managers itself counts, if it is
// sound; an emptied list ends the tracking until somebody applies.
//
// An error leaves obj with old's managers.
func (t *Tracker) Update(old, obj api.Object, subresource, manager string) error {
	if old == nil && subresource == "" && t.create(obj, manager) {
		return nil
	}
	if old == nil {
		old = t.empty()
	}
	if had, ok := t.managersOf(old, obj, subresource); ok {
		before, after := t.changed(old, obj)
		if entries, ok := t.shortcut(before, after, had, subresource, manager); ok {
			obj.SetManagedFields(entries)
			return nil
		}
	}
	return t.update(old, obj, subresource, manager)
}

// update is Update by way of reading and writing all the sets.
func (t *Tracker) update(old, obj api.Object, subresource, manager string) error {
	before, after := t.changed(old, obj)
	if _, err := t.managers[subresource].Update(before, after, manager); err != nil {
		obj.SetManagedFields(old.GetManagedFields())
		return fmt.Errorf("track the fields of %s %s: %w", t.resource.Plural, obj.GetName(), err)
	}
	obj.SetManagedFields(after.GetManagedFields())
	return nil
}

// managersOf returns who managed an object's fields before an update, unless that
// may be about just this.
func (t *Tracker) managersOf(old, obj api.Object, subresource string) ([]metav1.ManagedFieldsEntry, bool) {
	had, sent := old.GetManagedFields(), obj.GetManagedFields()
	same := func(a, b metav1.ManagedFieldsEntry) bool {
		return a.Manager == b.Manager && a.Operation == b.Operation && a.APIVersion == b.APIVersion && a.Time.Equal(b.Time) &&
			a.FieldsType == b.FieldsType && a.Subresource == b.Subresource && equalFields(a.FieldsV1, b.FieldsV1)
	}
	untouched := subresource != "" || sent == nil || slices.EqualFunc(had, sent, same)
	return had, untouched && len(had) > 0 && !t.custom && t.alone
}

func equalFields(a, b *metav1.FieldsV1) bool {
	return a == b || a != nil && b != nil && a.Equal(*b)
}

// Apply returns what becomes of old, which it does not change, when the manager
// wants the fields in config to be as they are there. Fields that the manager
// owned and config lacks are removed unless others own them, too. A field that
// somebody else has set to another value is a conflict, an API status with a
// cause for each, unless force takes it over. A nil old is an object that is not there.
func (t *Tracker) Apply(old api.Object, config *unstructured.Unstructured, subresource, manager string, force bool) (api.Object, error) {
	if old == nil {
		old = t.empty()
	}
	merged, err := t.managers[subresource].Apply(t.named(old), config, manager, force)
	if err != nil {
		return nil, err
	}
	return merged.(api.Object), nil
}

// create notes the manager of a new object, if it can tell without a comparison.
func (t *Tracker) create(obj api.Object, manager string) bool {
	if t.outline == nil || obj.GetManagedFields() != nil {
		return false
	}
	fields, ok := created(t.outline, reflect.ValueOf(obj).Elem(), t.unowned)
	if !ok {
		return false
	}
	if fields != "" {
		obj.SetManagedFields([]metav1.ManagedFieldsEntry{{
			Manager: cmp.Or(manager, "unknown"), Operation: metav1.ManagedFieldsOperationUpdate,
			APIVersion: t.resource.GroupVersion().String(), FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
			Time: &metav1.Time{Time: time.Now().UTC()},
		}})
	}
	return true
}

// unmanaged are the fields of metadata that nobody manages: those that say which
// object it is, and those that the server fills in.
var unmanaged = []string{
	"name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields", "resourceVersion",
}

// unowned says which fields of a new object nobody manages: those, its kind, and the
// status, where that has a path of its own.
func (t *Tracker) unowned(path string) bool {
	switch name, inMetadata := strings.CutPrefix(path, "metadata."); {
	case inMetadata:
		return slices.Contains(unmanaged, name)
	case path == "status":
		return t.resource.CopyStatus != nil
	default:
		return path == "apiVersion" || path == "kind"
	}
}

// empty is what a new object is compared with.
func (t *Tracker) empty() api.Object {
	obj := t.resource.New()
	if t.custom {
		obj.GetObjectKind().SetGroupVersionKind(t.resource.GroupVersionKind)
	}
	return obj
}
