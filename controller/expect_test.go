package controller_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/controller"
)

// cache is what an informer shows: objects, and whether they are being deleted.
type cache map[types.UID]bool

func (c cache) lookup(uid types.UID) (there, deleting bool) {
	deleting, there = c[uid]
	return there, deleting
}

func made(uid types.UID) func() (types.UID, error) {
	return func() (types.UID, error) { return uid, nil }
}

func ExampleExpectations() {
	var expect controller.Expectations
	key, shown := controller.Key{Name: "web"}, cache{}
	_ = expect.Create(key, func() (types.UID, error) { return "pod-1", nil })
	fmt.Println("before the watch brings it:", expect.Met(key, shown.lookup))
	shown["pod-1"] = false
	fmt.Println("after:", expect.Met(key, shown.lookup))

	// Output:
	// before the watch brings it: false
	// after: true
}

func TestExpectations(t *testing.T) {
	key, other := controller.Key{Name: "a"}, controller.Key{Name: "b"}
	for name, test := range map[string]func(t *testing.T, e *controller.Expectations){
		"nothing is met": func(t *testing.T, e *controller.Expectations) {
			require.True(t, e.Met(key, cache{}.lookup))
		},
		"a deletion is waited for": func(t *testing.T, e *controller.Expectations) {
			e.Deleted(key, "x")
			require.False(t, e.Met(key, cache{"x": false}.lookup))
			require.True(t, e.Met(other, cache{"x": false}.lookup))
			require.True(t, e.Met(key, cache{"x": true}.lookup))
		},
		"what failed is not": func(t *testing.T, e *controller.Expectations) {
			require.Error(t, e.Create(key, func() (types.UID, error) { return "", errors.New("no") }))
			require.True(t, e.Met(key, cache{}.lookup))
		},
		"nor what is gone again": func(t *testing.T, e *controller.Expectations) {
			require.NoError(t, e.Create(key, made("x")))
			e.Gone("x")
			require.True(t, e.Met(key, cache{}.lookup))
		},
		"even if it was gone before the creator knew": func(t *testing.T, e *controller.Expectations) {
			require.NoError(t, e.Create(key, func() (types.UID, error) { e.Gone("x"); return "x", nil }))
			require.True(t, e.Met(key, cache{}.lookup))
		},
		"nor what nobody asks for any more": func(t *testing.T, e *controller.Expectations) {
			require.NoError(t, e.Create(key, made("x")))
			e.Forget(key)
			require.True(t, e.Met(key, cache{}.lookup))
		},
		"and nothing for ever": func(t *testing.T, e *controller.Expectations) {
			require.NoError(t, e.Create(key, made("x")))
			time.Sleep(controller.ExpectFor - time.Second)
			require.False(t, e.Met(key, cache{}.lookup))
			time.Sleep(time.Second)
			require.True(t, e.Met(key, cache{}.lookup))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, &controller.Expectations{}) })
		})
	}
}
