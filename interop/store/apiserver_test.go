package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/interop/store/inprocess"
	"github.com/coracle-k8s/coracle/interop/store/programs"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store"
)

// newAPI runs an API server of ours over a store, and returns an administrator's
// client of it.
func newAPI(t *testing.T, s store.Store, trust *pki.PKI) *client.Client {
	t.Helper()
	return runAPI(t, cluster.Config{PKI: trust}, s)
}

// runAPI is newAPI with a configuration.
func runAPI(t *testing.T, cfg cluster.Config, s store.Store) *client.Client {
	t.Helper()
	api := inprocess.API(t, cfg, s)
	admin := &apiserver.User{Name: pki.UserAdmin, Groups: []string{pki.GroupMasters}}
	c, err := client.New(client.Config{BaseURL: "http://coracle", Transport: client.InMemory(auth.As(admin, api))})
	require.NoError(t, err)
	return c
}

func configMap(name, content string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Data:       map[string]string{"content": content},
	}
}

// Two API servers run over one etcd, each with a connection of its own. What is
// written through one is seen through the other, by reads at once and by watches in
// the order of the writes, whichever of them they went through.
func TestAPI_twoOverOneEtcd(t *testing.T) {
	etcd := program(t, programs.Etcd)
	trust, err := pki.New()
	require.NoError(t, err)
	var maps []*client.Kind[*corev1.ConfigMap]
	for range 2 {
		c := newAPI(t, openEtcd(t, etcd), trust)
		maps = append(maps, client.For[*corev1.ConfigMap](c))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	list, err := maps[0].List(ctx, "default", client.ListOptions{})
	require.NoError(t, err)

	// A ball that goes back and forth: each write builds on the other's.
	_, err = maps[0].Create(ctx, configMap("ball", "0"))
	require.NoError(t, err)
	const throws = 50
	for i := 1; i <= throws; i++ {
		ball, err := maps[i%2].Get(ctx, "default", "ball")
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i-1), ball.Data["content"], "a read sees the write before it")
		ball.Data["content"] = fmt.Sprint(i)
		_, err = maps[i%2].Update(ctx, ball)
		require.NoError(t, err)
	}

	var want []string
	for i := range throws + 1 {
		want = append(want, fmt.Sprint(i))
	}
	for _, kind := range maps {
		require.Equal(t, want, contents(ctx, t, kind, list.ResourceVersion, throws+1))
	}
}

// contents returns what the ball was, as a watch tells it.
func contents(ctx context.Context, t *testing.T, kind *client.Kind[*corev1.ConfigMap], after string, n int) []string {
	t.Helper()
	w, err := kind.Watch(ctx, "default", client.WatchOptions{ResourceVersion: after, FieldSelector: "metadata.name=ball"})
	require.NoError(t, err)
	defer w.Close()
	var got []string
	for len(got) < n {
		e, err := w.Next(ctx)
		require.NoError(t, err)
		if e.Object.Name == "ball" {
			got = append(got, e.Object.Data["content"])
		}
	}
	return got
}

// Of two writers of one object through different servers, one gets a conflict.
func TestAPI_conflictAcrossServers(t *testing.T) {
	etcd := program(t, programs.Etcd)
	trust, err := pki.New()
	require.NoError(t, err)
	one := client.For[*corev1.ConfigMap](newAPI(t, openEtcd(t, etcd), trust))
	other := client.For[*corev1.ConfigMap](newAPI(t, openEtcd(t, etcd), trust))
	made, err := one.Create(t.Context(), configMap("shared", "as made"))
	require.NoError(t, err)
	_, err = other.Create(t.Context(), configMap("shared", "again"))
	require.True(t, apierrors.IsAlreadyExists(err), "%v", err)

	mine, theirs := made.DeepCopy(), made.DeepCopy()
	mine.Data["content"], theirs.Data["content"] = "mine", "theirs"
	_, err = one.Update(t.Context(), mine)
	require.NoError(t, err)
	_, err = other.Update(t.Context(), theirs)
	require.True(t, apierrors.IsConflict(err), "%v", err)
	require.NoError(t, other.Delete(t.Context(), "default", "shared"))
	_, err = one.Get(t.Context(), "default", "shared")
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	names, err := one.List(t.Context(), "default", client.ListOptions{})
	require.NoError(t, err)
	require.False(t, slices.ContainsFunc(names.Items, func(m *corev1.ConfigMap) bool { return m.Name == "shared" }))
}
