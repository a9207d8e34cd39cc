package apply

import (
	"encoding/json"
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/coracle-k8s/coracle/api"
)

// named returns a copy of obj that says what kind it is, which the merge asks
// for. It shares all but the top level with obj.
func (t *Tracker) named(obj api.Object) api.Object {
	if _, custom := obj.(*unstructured.Unstructured); custom {
		return obj // it says so by itself
	}
	pointer := reflect.New(reflect.TypeOf(obj).Elem())
	pointer.Elem().Set(reflect.ValueOf(obj).Elem())
	shallow := pointer.Interface().(api.Object)
	shallow.GetObjectKind().SetGroupVersionKind(t.resource.GroupVersionKind)
	return shallow
}

// changed returns both objects without those parts, such as spec or status, in
// which they are the same. Comparing what is left finds the same differences,
// for less: a new status costs no look at the spec. An object that may have to be
// converted stays whole.
func (t *Tracker) changed(old, obj api.Object) (oldPart, objPart api.Object) {
	oldPart, objPart = t.named(old), t.named(obj)
	if t.custom || !t.alone {
		return oldPart, objPart
	}
	prune(reflect.ValueOf(oldPart).Elem(), reflect.ValueOf(objPart).Elem(), 2)
	return oldPart, objPart
}

// prune clears the fields in which two structs are the same, down to a depth.
// It writes to the structs alone and to nothing they point to.
func prune(a, b reflect.Value, depth int) {
	for i := range a.NumField() {
		x, y := a.Field(i), b.Field(i)
		switch {
		case a.Type().Field(i).Anonymous: // the kind and the metadata
		case reflect.DeepEqual(x.Interface(), y.Interface()):
			x.SetZero()
			y.SetZero()
		case depth > 1 && x.Kind() == reflect.Struct && !marshals(x):
			prune(x, y, depth-1)
		}
	}
}

// marshals says whether a struct, such as a time, is one value in JSON.
func marshals(v reflect.Value) bool {
	_, special := v.Addr().Interface().(json.Marshaler)
	return special
}
