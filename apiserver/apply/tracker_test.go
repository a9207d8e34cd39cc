package apply_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver/apply"
)

// A walk over a new object finds the same owner for the same fields as a
// comparison with an empty one does, for objects of every kind.
func TestTracker_Update_create(t *testing.T) {
	for _, r := range kinds.Registry().All() {
		t.Run(r.Kind, func(t *testing.T) {
			tracker, err := apply.NewTracker(r)
			require.NoError(t, err)
			for seed := range uint64(300) {
				obj := r.New()
				fill(rand.New(rand.NewPCG(seed, 1)), reflect.ValueOf(obj).Elem(), 0)
				obj.SetManagedFields(nil)
				compared := obj.DeepCopyObject().(api.Object)
				err := tracker.Update(nil, obj, "", "me")
				refused := tracker.Update(r.New(), compared, "", "me")
				if refused != nil && err == nil && r.CopyStatus != nil {
					continue // what is wrong is in the status, which a create does not look at
				}
				if refused != nil {
					require.EqualError(t, err, refused.Error(), "seed %d", seed) // such as an element without its key
					continue
				}
				require.NoError(t, err, "seed %d", seed)
				require.Empty(t, cmp.Diff(written(compared), written(obj)), "seed %d", seed)
			}
		})
	}
}

// written is what the entries say, without their time.
func written(obj api.Object) []string {
	var said []string
	for _, e := range obj.GetManagedFields() {
		said = append(said, e.Manager, string(e.Operation), e.APIVersion, e.FieldsType, string(e.FieldsV1.GetRawBytes()))
	}
	return said
}

// fill puts values into some of the fields below v.
func fill(r *rand.Rand, v reflect.Value, depth int) {
	if !v.CanSet() || r.IntN(8) < depth/2 {
		return
	}
	switch special := v.Addr().Interface().(type) {
	case *metav1.Time:
		*special = metav1.NewTime(time.Unix(r.Int64N(1e9), 0))
		return
	case *intstr.IntOrString:
		*special = intstr.FromInt32(r.Int32N(3))
		return
	case *runtime.RawExtension:
		special.Raw = []byte(`{"spec":{"replicas":1}}`)
		return
	case *metav1.FieldsV1:
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem(), depth+1)
	case reflect.Struct:
		if r.IntN(6) > 0 {
			for i := range v.NumField() {
				fill(r, v.Field(i), depth+1)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("bytes"))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(4), 4))
		for i := range v.Len() {
			fill(r, v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range r.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(r, key, depth)
			fill(r, value, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		words := []string{"", "b", "a", "10", "a<b", `"`, "Ü"}
		v.SetString(words[min(r.IntN(40), 3+r.IntN(4))%len(words)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(r.Int64N(3))
	}
}

// The shortcut for updates that take nothing from others comes to the same as
// reading and writing all the sets does, whatever is changed and by whom.
func TestTracker_Update_shortcut(t *testing.T) {
	const histories, writes = 6, 12
	for _, r := range kinds.Registry().All() {
		t.Run(r.Kind, func(t *testing.T) {
			tracker, err := apply.NewTracker(r)
			require.NoError(t, err)
			synctest.Test(t, func(t *testing.T) {
				for seed := range uint64(histories) {
					random := rand.New(rand.NewPCG(seed, 2))
					old := r.New()
					fill(random, reflect.ValueOf(old).Elem(), 0)
					old.SetManagedFields(nil)
					if tracker.Update(nil, old, "", "creator") != nil {
						continue
					}
					for n := range writes {
						path, manager := "", fmt.Sprint("m", random.IntN(14))
						obj := api.Clone(old)
						change(random, r, obj, &path)
						obj.SetManagedFields(old.GetManagedFields())
						whole := api.Clone(obj)
						refused := tracker.UpdateWhole(old, whole, path, manager)
						err := tracker.Update(old, obj, path, manager)
						require.Equal(t, refused, err, "seed %d, write %d", seed, n)
						require.Empty(t, cmp.Diff(whole.GetManagedFields(), obj.GetManagedFields()), "seed %d, write %d by %s to /%s", seed, n, manager, path)
						if err == nil {
							old = whole
						}
						time.Sleep(time.Duration(random.IntN(3)) * 400 * time.Millisecond)
					}
				}
			})
		})
	}
}

// change fills in another part of obj, through a path that may change it.
func change(random *rand.Rand, r *api.Resource, obj api.Object, path *string) {
	v := reflect.ValueOf(obj).Elem()
	switch random.IntN(4) {
	case 0:
		obj.SetLabels(map[string]string{fmt.Sprint("l", random.IntN(3)): fmt.Sprint(random.IntN(3))})
	case 1:
		obj.SetAnnotations(nil)
	case 2:
		if status := v.FieldByName("Status"); status.IsValid() && r.CopyStatus != nil {
			*path = "status"
			fill(random, status, 1)
		}
	default:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "TypeMeta" && name != "ObjectMeta" && name != "Status" {
				fill(random, v.Field(i), 1)
			}
		}
	}
}
