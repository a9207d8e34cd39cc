package memstore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
)

const benchKeys = 100_000

// filled returns a store with many keys, and the keys in an order that jumps.
func filled(b *testing.B) (*memstore.Store, []string) {
	s := memstore.New()
	b.Cleanup(func() { s.Close() })
	keys := make([]string, benchKeys)
	for i := range keys {
		keys[i] = fmt.Sprintf("/registry/pods/namespace-%d/pod-%d", i*7919%100, i*7919%benchKeys)
		_, err := s.Create(b.Context(), keys[i], []byte("value"), 0)
		require.NoError(b, err)
	}
	return s, keys
}

func BenchmarkGet(b *testing.B) {
	s, keys := filled(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Get(b.Context(), keys[i%benchKeys], 0)
	}
}

func BenchmarkGetInThePast(b *testing.B) {
	s, keys := filled(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Get(b.Context(), keys[i%benchKeys], int64(benchKeys-i%1000))
	}
}

func BenchmarkList500(b *testing.B) {
	s, _ := filled(b)
	b.ReportAllocs()
	for b.Loop() {
		s.List(b.Context(), store.Prefix("/registry/"), store.ListOptions{Limit: 500})
	}
}

func BenchmarkUpdate(b *testing.B) {
	s, keys := filled(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Update(b.Context(), keys[i%benchKeys], []byte("value"), 0, 0)
	}
}

// BenchmarkWatch measures the time from a write to its delivery, with 100 other
// watchers of other keys.
func BenchmarkWatch(b *testing.B) {
	s := memstore.New()
	defer s.Close()
	for i := range 100 {
		w, err := s.Watch(b.Context(), store.Prefix(fmt.Sprint("other", i)), 0)
		require.NoError(b, err)
		defer w.Close()
	}
	w, err := s.Watch(b.Context(), store.Prefix("k"), 0)
	require.NoError(b, err)
	arrived := make(chan time.Time)
	go func() {
		for {
			if _, err := w.Next(b.Context()); err != nil {
				return
			}
			arrived <- time.Now()
		}
	}()
	_, err = s.Create(b.Context(), "k", nil, 0)
	require.NoError(b, err)
	<-arrived
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		s.Update(b.Context(), "k", nil, 0, 0)
		took = append(took, (<-arrived).Sub(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-median")
	w.Close()
}
