package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
)

func TestRange(t *testing.T) {
	require.True(t, store.Everything.Contains(""))
	require.True(t, store.Everything.Contains("\xff\xff"))
	require.True(t, store.Key("a").Contains("a"))
	require.False(t, store.Key("a").Contains("a\x00"))
	require.False(t, store.Key("a").Contains("`"))
	require.Equal(t, store.Range{Start: "ab"}.End, "")
	require.Equal(t, store.Range{Start: "a", End: "b"}, store.Prefix("a").From(""))
	require.Equal(t, store.Range{Start: "a1", End: "b"}, store.Prefix("a").From("a1"))
}

// A range by prefix is what strings.HasPrefix says, for any bytes.
func FuzzPrefix(f *testing.F) {
	f.Add("", "a")
	f.Add("a/", "a0")
	f.Add("\xff", "\xff\xff")
	f.Add("a\xff", "b")
	f.Add("a\xff\xff", "a\xff\xff\x00")
	f.Fuzz(func(t *testing.T, prefix, key string) {
		require.Equal(t, strings.HasPrefix(key, prefix), store.Prefix(prefix).Contains(key))
		require.True(t, store.Prefix(prefix).Contains(prefix+key))
		require.Equal(t, key == prefix, store.Key(prefix).Contains(key))
		rest := store.Prefix(prefix).From(key)
		require.Equal(t, strings.HasPrefix(prefix+key, prefix) && prefix+key >= key, rest.Contains(prefix+key))
	})
}
