package apiserver_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
)

// TestStorage_Follow sees the state first, then the state after each change.
func TestStorage_Follow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		secrets := kinds.Registry().ForKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		ctx, cancel := context.WithCancel(t.Context())
		var seen [][]string
		done := make(chan error, 1)
		go func() {
			done <- f.Storage.Follow(ctx, secrets, func(objects []api.Object) {
				names := []string{}
				for _, o := range objects {
					names = append(names, o.GetName())
				}
				seen = append(seen, names)
			})
		}()
		change := func(method, path, body string) {
			synctest.Wait()
			f.ok(method, path, body)
			synctest.Wait()
		}
		change("POST", "/api/v1/namespaces/a/secrets", `{"metadata":{"name":"one"}}`)
		change("POST", "/api/v1/namespaces/b/secrets", `{"metadata":{"name":"two"}}`)
		change("DELETE", "/api/v1/namespaces/a/secrets/one", "")
		cancel()
		require.NoError(t, <-done)
		require.Equal(t, [][]string{{}, {"one"}, {"one", "two"}, {"two"}}, slices.Clone(seen))
	})
}

// TestStorage_Follow_ends with the server, though its context goes on.
func TestStorage_Follow_ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		secrets := kinds.Registry().ForKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		done := make(chan error, 1)
		go func() { done <- f.Storage.Follow(t.Context(), secrets, func([]api.Object) {}) }()
		synctest.Wait()
		f.stop()
		require.NoError(t, <-done)
	})
}
