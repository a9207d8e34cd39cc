package typed_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
	"github.com/coracle-k8s/coracle/store/memstore"
)

func config(name, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Data:       map[string]string{"key": value},
	}
}

// TestObjects holds the fake and the real storage to the same.
func TestObjects(t *testing.T) {
	t.Run("fake", func(t *testing.T) { testObjects(t, typedtest.New()) })
	t.Run("storage", func(t *testing.T) {
		st := memstore.New()
		storage := apiserver.NewStorage(st, kinds.Registry(), nil)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- storage.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			<-done
			require.NoError(t, st.Close())
		})
		testObjects(t, storage.Objects())
	})
}

func testObjects(t *testing.T, objects apiserver.Objects) {
	ctx := t.Context()
	_, err := typed.Get[*corev1.ConfigMap](ctx, objects, "shop", "a")
	require.True(t, apierrors.IsNotFound(err))
	require.EqualError(t, err, `configmaps "a" not found`)
	_, err = typed.Modify(ctx, objects, "shop", "a", func(*corev1.ConfigMap) error { return nil })
	require.True(t, apierrors.IsNotFound(err))
	require.True(t, apierrors.IsNotFound(typed.Delete[*corev1.ConfigMap](ctx, objects, "shop", "a")))

	made, err := typed.Create(ctx, objects, config("a", "1"))
	require.NoError(t, err)
	require.NotEmpty(t, made.UID)
	require.NotEmpty(t, made.ResourceVersion)
	_, err = typed.Create(ctx, objects, config("a", "2"))
	require.True(t, apierrors.IsAlreadyExists(err))

	changed, err := typed.Modify(ctx, objects, "shop", "a", func(c *corev1.ConfigMap) error {
		c.Data["key"] = "3"
		return nil
	})
	require.NoError(t, err)
	require.NotEqual(t, made.ResourceVersion, changed.ResourceVersion)
	require.Equal(t, "1", made.Data["key"], "what was handed out does not change")
	_, err = typed.Modify(ctx, objects, "shop", "a", func(c *corev1.ConfigMap) error {
		c.Data["key"] = "4"
		return fmt.Errorf("no")
	})
	require.EqualError(t, err, "no")
	got, err := typed.Get[*corev1.ConfigMap](ctx, objects, "shop", "a")
	require.NoError(t, err)
	require.Equal(t, "3", got.Data["key"])

	require.NoError(t, typed.Ensure(ctx, objects, config("b", "new"), nil))
	require.NoError(t, typed.Ensure(ctx, objects, config("b", "other"), nil))
	list, err := typed.List[*corev1.ConfigMap](ctx, objects, "shop")
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "new", list[1].Data["key"])
	list, err = typed.List[*corev1.ConfigMap](ctx, objects, "bank")
	require.NoError(t, err)
	require.Empty(t, list)

	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			_, err := typed.Modify(ctx, objects, "shop", "a", func(c *corev1.ConfigMap) error {
				c.Data[fmt.Sprint(i)] = ""
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err = typed.Get[*corev1.ConfigMap](ctx, objects, "shop", "a")
	require.NoError(t, err)
	require.Len(t, got.Data, 11, "no change is lost")
	require.NoError(t, typed.Delete[*corev1.ConfigMap](ctx, objects, "shop", "a"))
	_, err = typed.Get[*corev1.ConfigMap](ctx, objects, "shop", "a")
	require.True(t, apierrors.IsNotFound(err))
}

func TestResource_panicsOnStrangers(t *testing.T) {
	require.Panics(t, func() { typed.Resource[*corev1.RangeAllocation]() })
}

func Example() {
	ctx, objects := context.Background(), typedtest.New()
	err := typed.Ensure(ctx, objects, config("colors", "red"), nil)
	fmt.Println(err)
	got, err := typed.Get[*corev1.ConfigMap](ctx, objects, "shop", "colors")
	fmt.Println(got.Data["key"], err)
	// Output:
	// <nil>
	// red <nil>
}
