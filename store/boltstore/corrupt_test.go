package boltstore_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store/boltstore"
)

// written returns the path of a closed store with a few hundred keys, and what
// is in it.
func written(t *testing.T) (string, map[string]string) {
	path := filepath.Join(t.TempDir(), "data")
	s := open(t, path)
	for i := range 300 {
		create(t, s, fmt.Sprint("key", i), fmt.Sprint("value of ", i, string(make([]byte, 1000))))
	}
	require.NoError(t, s.Compact(t.Context(), 150))
	want := all(t, s)
	require.NoError(t, s.Close())
	return path, want
}

// Files that are no store are refused and left as they are.
func TestOpen_notAStore(t *testing.T) {
	for name, content := range map[string][]byte{
		"text":    []byte("not a store\n"),
		"zeros":   make([]byte, 64<<10),
		"random":  random(64 << 10),
		"one bit": {1},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "data")
			require.NoError(t, os.WriteFile(path, content, 0o600))
			_, err := boltstore.Open(path, boltstore.Options{})
			require.ErrorIs(t, err, boltstore.ErrCorrupt)
			require.ErrorContains(t, err, path)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, content, after)
			_, err = boltstore.Status(path)
			require.ErrorIs(t, err, boltstore.ErrCorrupt)
		})
	}
}

func random(n int) []byte {
	r := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Wherever a page of the file is overwritten, Open either says that it is
// corrupt or finds all that was written: it never gives back less or something
// else, and never crashes.
func TestOpen_damagedPage(t *testing.T) {
	t.Parallel()
	path, want := written(t)
	intact, err := os.ReadFile(path)
	require.NoError(t, err)
	page := os.Getpagesize()
	refused := 0
	for at := 0; at < len(intact); at += page {
		for name, damage := range map[string][]byte{"random": random(page), "zero": make([]byte, page)} {
			damaged := append([]byte{}, intact...)
			copy(damaged[at:], damage)
			if openDamaged(t, path, damaged, want, fmt.Sprintf("page %d, %s", at/page, name)) {
				refused++
			}
		}
	}
	require.Greater(t, refused, len(intact)/page/4, "pages whose loss was noticed")
}

// The same for a file that was cut short at any page.
func TestOpen_cutShort(t *testing.T) {
	t.Parallel()
	path, want := written(t)
	intact, err := os.ReadFile(path)
	require.NoError(t, err)
	for size := os.Getpagesize(); size < len(intact); size += os.Getpagesize() {
		openDamaged(t, path, intact[:size], want, fmt.Sprintf("cut to %d bytes", size))
	}
}

// Single bits, in records and elsewhere.
func TestOpen_flippedBit(t *testing.T) {
	t.Parallel()
	path, want := written(t)
	intact, err := os.ReadFile(path)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		at, bit := r.IntN(len(intact)), r.IntN(8)
		damaged := append([]byte{}, intact...)
		damaged[at] ^= 1 << bit
		openDamaged(t, path, damaged, want, fmt.Sprintf("bit %d of byte %d", bit, at))
	}
}

// openDamaged opens a damaged file and reports whether it was refused.
func openDamaged(t *testing.T, path string, damaged []byte, want map[string]string, what string) bool {
	t.Helper()
	require.NoError(t, os.WriteFile(path, damaged, 0o600))
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		require.ErrorIs(t, err, boltstore.ErrCorrupt, what)
		return true
	}
	got := all(t, s)
	require.NoError(t, s.Close(), what)
	// A damaged meta page is what a torn commit leaves: bbolt then takes the
	// other one, of the commit before, which is a compaction here.
	require.Equal(t, want, got, what)
	return false
}
