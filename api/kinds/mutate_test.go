package kinds_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/coracle-k8s/coracle/api"
)

var mutants = flag.Int("mutants", 5, "how many objects TestEveryKind_StandsNonsense makes of each that the stories have")

// Whatever a client sends, a kind has an answer and no panic. Objects of the
// stories are changed at random places, and go through all that a write goes
// through. With -mutants=1000 it is a search of two minutes.
func TestEveryKind_StandsNonsense(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	stories := storyObjects(t)
	m := &mutator{Rand: rand.New(rand.NewPCG(seed, 0)), texts: map[reflect.Type][]string{}}
	for _, title := range slices.Sorted(keysOf(stories)) {
		m.learn(reflect.ValueOf(stories[title]))
	}
	for _, title := range slices.Sorted(keysOf(stories)) {
		r := resourceOf(t, stories[title])
		for range *mutants {
			obj, old := m.mutant(stories[title]), m.mutant(stories[title])
			require.NotPanics(t, func() { writeAll(r, obj, old) }, title)
		}
	}
}

func keysOf[V any](all map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range all {
			if !yield(key) {
				return
			}
		}
	}
}

// writeAll does to obj, which is to replace old, all that a server does.
func writeAll(r *api.Resource, obj, old api.Object) {
	if r.Default != nil {
		r.Default(old)
		r.Default(obj)
	}
	for _, prepare := range []func(obj, old api.Object){r.PrepareUpdate, r.PrepareStatus} {
		if prepare != nil {
			prepare(copyOf(obj), old)
		}
	}
	fresh := copyOf(obj)
	if r.PrepareCreate != nil {
		r.PrepareCreate(fresh)
	}
	for _, obj := range []api.Object{fresh, obj} {
		if r.Validate != nil {
			r.Validate(obj)
		}
		if r.ValidateCreate != nil {
			r.ValidateCreate(obj)
		}
		if r.Warnings != nil {
			r.Warnings(obj, nil)
			r.Warnings(obj, old)
		}
		if r.Fields != nil {
			r.Fields(obj)
		}
		if !r.Virtual {
			r.TableRow(obj)
		}
		if r.Scale != nil {
			r.Scale.Get(obj)
		}
		if r.GracePeriod != nil {
			r.GracePeriod(copyOf(obj), nil)
		}
		if r.BeginDelete != nil {
			r.BeginDelete(copyOf(obj))
		}
	}
	if r.ValidateUpdate != nil {
		r.ValidateUpdate(obj, old)
	}
	if r.ValidateStatus != nil {
		r.ValidateStatus(obj, old)
	}
	if r.GenerationChanged != nil {
		r.GenerationChanged(obj, old)
	}
	for _, part := range r.Parts {
		if part.Prepare != nil {
			part.Prepare(copyOf(obj), old)
		}
		if part.Validate != nil {
			part.Validate(obj, old)
		}
	}
}

func copyOf(obj api.Object) api.Object { return obj.DeepCopyObject().(api.Object) }

// mutator changes objects at random, to what the stories have in other places.
type mutator struct {
	*rand.Rand
	texts map[reflect.Type][]string
}

// learn remembers all texts that are somewhere below v, by their types.
func (m *mutator) learn(v reflect.Value) {
	if v.Kind() == reflect.String {
		m.texts[v.Type()] = append(m.texts[v.Type()], v.String())
	}
	for _, part := range partsOf(v) {
		m.learn(part)
	}
}

// partsOf are the values that v is made of.
func partsOf(v reflect.Value) (parts []reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			parts = []reflect.Value{v.Elem()}
		}
	case reflect.Slice:
		for i := range v.Len() {
			parts = append(parts, v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			parts = append(parts, key, v.MapIndex(key))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				parts = append(parts, v.Field(i))
			}
		}
	}
	return parts
}

// mutant returns obj with changes at a few places.
func (m *mutator) mutant(obj api.Object) api.Object {
	obj = copyOf(obj)
	for range 1 + m.IntN(6) {
		places := settable(reflect.ValueOf(obj).Elem(), nil)
		m.change(places[m.IntN(len(places))], 3)
	}
	return obj
}

// settable are all places below v that can be changed, but for what a server sees
// to by itself.
func settable(v reflect.Value, found []reflect.Value) []reflect.Value {
	switch v.Interface().(type) {
	case metav1.TypeMeta, metav1.ObjectMeta, resource.Quantity, metav1.Time, metav1.MicroTime, intstr.IntOrString, runtime.RawExtension:
	default:
		for _, part := range partsOf(v) {
			if part.CanSet() {
				found = settable(part, append(found, part))
			}
		}
	}
	return found
}

// change makes v something else, with at most depth levels below.
func (m *mutator) change(v reflect.Value, depth int) {
	if special := m.special(v.Interface()); special != nil {
		v.Set(reflect.ValueOf(special))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(m.IntN(2) == 0)
	case reflect.Int32, reflect.Int64:
		v.SetInt(pick(m, []int64{-1, 0, 1, 2, 1000, 1<<31 - 1}))
	case reflect.String:
		v.SetString(pick(m, append([]string{"", "a", "A_b/"}, m.texts[v.Type()]...)))
	case reflect.Pointer, reflect.Slice, reflect.Map:
		wasNothing := v.IsZero()
		v.SetZero()
		if depth > 0 && (wasNothing || m.IntN(2) == 0) {
			m.fill(v, depth-1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Field(i); field.CanSet() && m.IntN(2) == 0 {
				m.change(field, depth)
			}
		}
	}
}

// fill puts something into a pointer, a slice or a map that has nothing.
func (m *mutator) fill(v reflect.Value, depth int) {
	some := func(t reflect.Type) reflect.Value {
		one := reflect.New(t)
		if m.IntN(4) > 0 {
			m.change(one.Elem(), depth)
		}
		return one
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(some(v.Type().Elem()))
	case reflect.Slice:
		for range m.IntN(3) {
			one := some(v.Type().Elem()).Elem()
			if one.Kind() != reflect.Pointer || !one.IsNil() {
				v.Set(reflect.Append(v, one))
			}
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range m.IntN(3) {
			v.SetMapIndex(some(v.Type().Key()).Elem(), some(v.Type().Elem()).Elem())
		}
	}
}

// special returns a value of the types that are more than their fields, or nil.
func (m *mutator) special(was any) any {
	switch was.(type) {
	case resource.Quantity:
		return resource.MustParse(pick(m, []string{"-1", "0", "1", "1500m", "1Gi", "1e30"}))
	case metav1.Time:
		return pick(m, []metav1.Time{{}, metav1.Now()})
	case metav1.MicroTime:
		return pick(m, []metav1.MicroTime{{}, metav1.NowMicro()})
	case intstr.IntOrString:
		return pick(m, []intstr.IntOrString{{}, intstr.FromInt32(-1), intstr.FromString("-5%"), intstr.FromString("50%"), intstr.FromString("")})
	case runtime.RawExtension:
		return runtime.RawExtension{Raw: []byte(pick(m, []string{"", "null", "{}", `{"a":1}`, "[", fmt.Sprint(m.Int())}))}
	}
	return nil
}

func pick[T any](m *mutator, from []T) T { return from[m.IntN(len(from))] }
