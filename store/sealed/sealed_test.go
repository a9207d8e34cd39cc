package sealed_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
	"github.com/coracle-k8s/coracle/store/sealed"
	"github.com/coracle-k8s/coracle/store/storetest"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func gcm(t testing.TB, name string, secret byte) sealed.Provider {
	p, err := sealed.AESGCM(name, key(secret))
	require.NoError(t, err)
	return p
}

func around(t testing.TB, inner store.Store, prefix string, providers ...sealed.Provider) *sealed.Store {
	s, err := sealed.New(inner, []sealed.Rule{{Prefix: prefix, Providers: providers}}, nil)
	require.NoError(t, err)
	return s
}

// TestStore is a store like any other.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return around(t, memstore.New(), "", gcm(t, "k", 1))
	}, storetest.Options{})
}

// TestStore_seals what is below the prefix, bound to its key.
func TestStore_seals(t *testing.T) {
	inner := memstore.New()
	defer inner.Close()
	s := around(t, inner, "/registry/secrets/", gcm(t, "key1", 1))
	for _, k := range []string{"/registry/secrets/a/one", "/registry/configmaps/a/one"} {
		_, err := s.Create(t.Context(), k, []byte("password"), 0)
		require.NoError(t, err)
		kv, _, err := s.Get(t.Context(), k, 0)
		require.NoError(t, err)
		require.Equal(t, "password", string(kv.Value))
	}
	raw, _, err := inner.Get(t.Context(), "/registry/secrets/a/one", 0)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(raw.Value, []byte("k8s:enc:aesgcm:v1:key1:")), "%q", raw.Value)
	require.NotContains(t, string(raw.Value), "password")
	plain, _, err := inner.Get(t.Context(), "/registry/configmaps/a/one", 0)
	require.NoError(t, err)
	require.Equal(t, "password", string(plain.Value))

	// Moved to another key it is worthless, and so it is changed.
	_, err = inner.Create(t.Context(), "/registry/secrets/a/two", bytes.Clone(raw.Value), 0)
	require.NoError(t, err)
	_, _, err = s.Get(t.Context(), "/registry/secrets/a/two", 0)
	require.ErrorIs(t, err, sealed.ErrSealed)
	changed := bytes.Clone(raw.Value)
	changed[len(changed)-1]++
	_, err = inner.Update(t.Context(), "/registry/secrets/a/one", changed, 0, 0)
	require.NoError(t, err)
	_, _, err = s.Get(t.Context(), "/registry/secrets/a/one", 0)
	require.ErrorIs(t, err, sealed.ErrSealed)
	list, err := s.List(t.Context(), store.Prefix("/registry/"), store.ListOptions{})
	require.NoError(t, err, "one bad value does not hide the others")
	require.Len(t, list.Items, 3)
	require.Equal(t, "password", string(list.Items[0].Value))
	require.Empty(t, list.Items[1].Value)
}

// TestStore_rotation goes from no key to a first and to a second one.
func TestStore_rotation(t *testing.T) {
	inner := memstore.New()
	defer inner.Close()
	const prefix = "/registry/secrets/"
	for i := range 1200 {
		_, err := inner.Create(t.Context(), fmt.Sprintf("%sa/%d", prefix, i), []byte("password"), 0)
		require.NoError(t, err)
	}
	one, two := gcm(t, "one", 1), gcm(t, "two", 2)
	box, err := sealed.Secretbox("box", key(3))
	require.NoError(t, err)
	require.ErrorIs(t, around(t, inner, prefix, one).Check(t.Context()), sealed.ErrSealed, "what is plain is read only where identity is")
	for _, step := range [][]sealed.Provider{{one, sealed.Identity()}, {two, one}, {box, two}, {sealed.Identity(), box}} {
		s := around(t, inner, prefix, step...)
		require.NoError(t, s.Check(t.Context()))
		n, err := s.Rewrite(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1200, n)
		n, err = s.Rewrite(t.Context())
		require.NoError(t, err)
		require.Zero(t, n)
		require.NoError(t, around(t, inner, prefix, step[0]).Check(t.Context()), "the other is not needed any more")
	}
}

// TestStore_wrongKey names the key that is wrong.
func TestStore_wrongKey(t *testing.T) {
	inner := memstore.New()
	defer inner.Close()
	_, err := around(t, inner, "", gcm(t, "key1", 1)).Create(t.Context(), "k", []byte("v"), 0)
	require.NoError(t, err)
	for _, s := range []*sealed.Store{
		around(t, inner, "", gcm(t, "key1", 2)), around(t, inner, "", gcm(t, "key2", 1)), around(t, inner, "", sealed.Identity()),
	} {
		err := s.Check(t.Context())
		require.ErrorIs(t, err, sealed.ErrSealed)
		require.ErrorContains(t, err, `sealed by aesgcm with key "key1"`)
	}
	_, err = around(t, inner, "", gcm(t, "key2", 1)).Rewrite(t.Context())
	require.ErrorIs(t, err, sealed.ErrSealed, "what cannot be opened is not written anew")
}

func TestNew_refuses(t *testing.T) {
	_, err := sealed.New(nil, []sealed.Rule{{Prefix: "x"}}, nil)
	require.ErrorContains(t, err, "no provider")
	_, err = sealed.New(nil, []sealed.Rule{{Providers: []sealed.Provider{gcm(t, "a", 1), gcm(t, "a", 2)}}}, nil)
	require.ErrorContains(t, err, "two providers")
	_, err = sealed.AESGCM("a", []byte("short"))
	require.Error(t, err)
	_, err = sealed.Secretbox("a", []byte("short"))
	require.ErrorContains(t, err, "32 bytes")
}

func Example() {
	ctx, inner := context.Background(), memstore.New()
	defer inner.Close()
	provider, err := sealed.AESGCM("key1", bytes.Repeat([]byte{7}, 32))
	if err != nil {
		panic(err)
	}
	s, err := sealed.New(inner, []sealed.Rule{{Prefix: "/registry/secrets/", Providers: []sealed.Provider{provider}}}, nil)
	if err != nil {
		panic(err)
	}
	if _, err := s.Create(ctx, "/registry/secrets/default/db", []byte("password"), 0); err != nil {
		panic(err)
	}
	opened, _, _ := s.Get(ctx, "/registry/secrets/default/db", 0)
	kept, _, _ := inner.Get(ctx, "/registry/secrets/default/db", 0)
	fmt.Printf("%s\n%s...\n", opened.Value, kept.Value[:23])
	// Output:
	// password
	// k8s:enc:aesgcm:v1:key1:...
}

// TestStore_stale marks what should be written anew, and forgets it once it was.
func TestStore_stale(t *testing.T) {
	inner := memstore.New()
	defer inner.Close()
	one, two := gcm(t, "one", 1), gcm(t, "two", 2)
	s := around(t, inner, "", one)
	_, err := s.Create(t.Context(), "k", []byte("v"), 0)
	require.NoError(t, err)
	stale := func() bool {
		kv, _, err := s.Get(t.Context(), "k", 0)
		require.NoError(t, err)
		return kv.Stale
	}
	require.False(t, stale())
	require.NoError(t, s.SetRules([]sealed.Rule{{Providers: []sealed.Provider{two, one}}}))
	require.True(t, stale())
	require.Error(t, s.SetRules([]sealed.Rule{{}}), "a rule without providers")
	_, err = s.Update(t.Context(), "k", []byte("v"), 0, 0)
	require.NoError(t, err)
	require.False(t, stale())
}
