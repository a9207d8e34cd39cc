package apply

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"github.com/coracle-k8s/coracle/api"
)

// maxUpdaters is how many managers an object has at most that have not applied;
// the oldest are put together beyond that.
const maxUpdaters = 10

// neverOwned are the fields that an update may change and nobody manages.
func neverOwned() *fieldpath.Set {
	set := fieldpath.NewSet(fieldpath.MakePathOrDie("apiVersion"), fieldpath.MakePathOrDie("kind"), fieldpath.MakePathOrDie("metadata"))
	for _, name := range unmanaged {
		set.Insert(fieldpath.MakePathOrDie("metadata", name))
	}
	return set
}

// shortcut is Update for the most frequent case: what changes is managed by nobody
// else, as a kubelet's status is by nobody but the kubelet. Then the sets of the
// others stay as they are, and need not be read; and if the manager has had all
// these fields before, its own does too, but for the time. It returns false if
// this is not the case, or if it cannot tell.
func (t *Tracker) shortcut(before, after api.Object, had []metav1.ManagedFieldsEntry, subresource, manager string) ([]metav1.ManagedFieldsEntry, bool) {
	taken, gone, err := t.compare(before, after, subresource)
	if err != nil {
		return nil, false
	}
	me := metav1.ManagedFieldsEntry{
		Manager: cmp.Or(manager, "unknown"), Operation: metav1.ManagedFieldsOperationUpdate,
		APIVersion: t.resource.GroupVersion().String(), Subresource: subresource, FieldsType: "FieldsV1",
	}
	mine, updaters := -1, 0
	for i, e := range had {
		if e.FieldsV1 == nil || e.FieldsType != me.FieldsType || e.APIVersion != me.APIVersion {
			return nil, false
		}
		if e.Operation == metav1.ManagedFieldsOperationUpdate {
			updaters++
		}
		if e.Manager == me.Manager && e.Operation == me.Operation && e.Subresource == me.Subresource {
			mine = i
		} else if w := written(e.FieldsV1.GetRawString()); w.hasAny(taken) || w.hasAny(gone) {
			return nil, false
		}
	}
	own := taken.Difference(t.unownable)
	switch {
	case own.Empty() && gone.Empty():
		return had, true
	case own.Empty(), updaters > maxUpdaters, updaters == maxUpdaters && mine < 0:
		return nil, false
	}
	entries := slices.Clone(had)
	if mine < 0 {
		mine = len(entries)
		entries = append(entries, me)
	}
	if entries[mine].FieldsV1, err = lengthened(entries[mine].FieldsV1, own, taken.Union(gone)); err != nil {
		return nil, false
	}
	entries[mine].Time = &metav1.Time{Time: time.Now().UTC()}
	slices.SortFunc(entries, compareEntries)
	return entries, true
}

// compare returns the fields that an update through a path sets and those that it
// removes, as far as the path's clients can own them.
func (t *Tracker) compare(before, after api.Object, subresource string) (taken, gone *fieldpath.Set, err error) {
	before.SetManagedFields(nil)
	after.SetManagedFields(nil)
	was, err := t.converter.ObjectToTyped(before, typed.AllowDuplicates)
	if err != nil {
		return nil, nil, err
	}
	is, err := t.converter.ObjectToTyped(after, typed.AllowDuplicates)
	if err != nil {
		return nil, nil, err
	}
	difference, err := was.Compare(is)
	if err != nil {
		return nil, nil, fmt.Errorf("compare %s %s: %w", t.resource.Plural, after.GetName(), err)
	}
	taken, gone = difference.Modified.Union(difference.Added), difference.Removed
	if filter := t.ownable[subresource]; filter != nil {
		taken, gone = filter.Filter(taken), filter.Filter(gone)
	}
	return taken, gone, nil
}

// lengthened is a set, nil for none, less some fields and with others. It is the
// same one if that changes nothing.
func lengthened(was *metav1.FieldsV1, with, less *fieldpath.Set) (*metav1.FieldsV1, error) {
	set := &fieldpath.Set{}
	if was != nil {
		w := written(was.GetRawString())
		if w.hasAll(with) && !w.hasAny(less.Difference(with)) {
			return was, nil
		}
		if err := set.FromJSON(bytes.NewReader(was.GetRawBytes())); err != nil {
			return nil, err
		}
	}
	data, err := set.Difference(less).Union(with).ToJSON()
	if err != nil {
		return nil, err
	}
	return metav1.NewFieldsV1(string(data)), nil
}

// compareEntries is the order in which an object names its managers.
func compareEntries(a, b metav1.ManagedFieldsEntry) int {
	return cmp.Or(
		cmp.Compare(a.Operation, b.Operation),
		cmp.Compare(unixOf(a.Time), unixOf(b.Time)),
		cmp.Compare(a.Manager, b.Manager),
		cmp.Compare(a.APIVersion, b.APIVersion),
		cmp.Compare(a.Subresource, b.Subresource),
	)
}

func unixOf(t *metav1.Time) int64 {
	if t == nil {
		return 0
	}
	return t.Unix()
}
