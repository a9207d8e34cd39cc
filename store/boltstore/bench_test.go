package boltstore_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store/boltstore"
)

// BenchmarkPut measures durable writes by several writers at once. ns/op is the
// time between two acknowledgements, whoever got them.
func BenchmarkPut(b *testing.B) {
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(writers, "writers"), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "data"))
			for w := range writers {
				create(b, s, fmt.Sprint(w), "")
			}
			value := make([]byte, 512)
			b.ReportAllocs()
			b.ResetTimer()
			var done atomic.Int64
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for done.Add(1) <= int64(b.N) {
						if _, err := s.Update(b.Context(), fmt.Sprint(w), value, 0, 0); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
		})
	}
}

// BenchmarkOpen measures how long a store with 100,000 keys of 2 KB takes to
// open, and how much memory it then holds.
func BenchmarkOpen(b *testing.B) {
	const keys, size = 100_000, 2 << 10
	path := filepath.Join(b.TempDir(), "data")
	s := open(b, path)
	var wg sync.WaitGroup
	for w := range 500 {
		wg.Go(func() {
			for i := w; i < keys; i += 500 {
				if _, err := s.Create(b.Context(), fmt.Sprintf("/registry/pods/%06d", i), make([]byte, size), 0); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(b, s.Close())
	s = nil
	before := heap()
	b.ReportAllocs()
	for b.Loop() {
		var err error
		s, err = boltstore.Open(path, boltstore.Options{})
		require.NoError(b, err)
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/(keys*size), "heap/data")
		require.NoError(b, s.Close())
		b.StartTimer()
	}
}

// heap returns how many bytes are in use after a collection.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
