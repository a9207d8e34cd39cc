package apiserver

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/apply"
)

// trackers are those of the resources that somebody has written to.
type trackers struct {
	resources api.Registry
	has       func(*api.Resource) bool
	of        sync.Map // *api.Resource to func() (*apply.Tracker, error)
}

// get returns the resource's tracker, made when it is first asked for.
func (t *trackers) get(r *api.Resource) (*apply.Tracker, error) {
	made, ok := t.of.Load(r)
	if !ok {
		t.forgetGone()
		made, _ = t.of.LoadOrStore(r, sync.OnceValues(func() (*apply.Tracker, error) { return apply.NewTracker(r, t.resources.All()...) }))
	}
	return made.(func() (*apply.Tracker, error))()
}

// forgetGone drops the trackers of custom kinds that are no longer served.
func (t *trackers) forgetGone() {
	t.of.Range(func(key, _ any) bool {
		if r := key.(*api.Resource); !t.has(r) {
			t.of.Delete(r)
		}
		return true
	})
}

// track notes in an object on its way to the store who manages its fields: for
// an apply, those it has worked out, for any other write, what is different now.
// The fields are not worth a write: if they cannot be tracked, they stay as they were.
func (q *request) track(obj, old api.Object) error {
	if q.applied != nil {
		obj.SetManagedFields(q.applied)
		return nil
	}
	tracker, err := q.server.storage.fields.get(q.resource)
	if err != nil {
		return err
	}
	if err := tracker.Update(old, obj, q.info.Subresource, q.manager()); err != nil {
		q.server.Logger.Warn("managed fields stay as they were", "err", err)
	}
	return nil
}

// manager names who writes: as the client says, or else by its program.
func (q *request) manager() string {
	if q.options.fieldManager != "" {
		return q.options.fieldManager
	}
	program, _, _ := strings.Cut(q.UserAgent(), "/")
	var name strings.Builder
	for _, r := range program {
		if !unicode.IsPrint(r) {
			continue
		}
		if name.Len()+utf8.RuneLen(r) > validation.FieldManagerMaxLength {
			break
		}
		name.WriteRune(r)
	}
	return name.String()
}

// keepTimes undoes what tracking has done to the times of a write that turns out
// to change nothing else, so that it stays a write that changes nothing.
func keepTimes(obj, old api.Object) {
	was, is := old.GetManagedFields(), obj.GetManagedFields()
	differ := false
	same := slices.EqualFunc(was, is, func(a, b metav1.ManagedFieldsEntry) bool {
		differ = differ || !a.Time.Equal(b.Time)
		a.Time, b.Time = nil, nil
		return equality.Semantic.DeepEqual(a, b)
	})
	if !same || !differ {
		return
	}
	obj.SetManagedFields(was)
	if !equality.Semantic.DeepEqual(obj, old) {
		obj.SetManagedFields(is)
	}
}
