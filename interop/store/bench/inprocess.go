package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/boltstore"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// inProcess measures what has nothing to do with a network.
func (o options) inProcess(ctx context.Context, dir string, t *table) error {
	t.head("in process", "coracle")
	for _, line := range []struct {
		name string
		run  func(context.Context, string, *table, string) error
	}{
		{"memstore: gets/s, one core, 100,000 keys", memstoreGets},
		{"memstore: from write to watcher, median", watchLatency},
		{"boltstore: reopen 100,000 keys of 2 KB", reopen},
	} {
		if !o.wants(line.name) {
			continue
		}
		if err := line.run(ctx, dir, t, line.name); err != nil {
			return fmt.Errorf("%s: %w", line.name, err)
		}
	}
	return nil
}

// wants reports whether a line was asked for.
func (o options) wants(name string) bool { return strings.HasPrefix(name, o.only) }

const manyKeys = 100_000

func memstoreGets(ctx context.Context, _ string, t *table, name string) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := memstore.New()
	defer s.Close()
	all := make([]string, manyKeys)
	for i := range all {
		all[i] = fmt.Sprintf("/registry/pods/namespace-%d/pod-%d", i%100, i)
		if _, err := s.Create(ctx, all[i], []byte(value), 0); err != nil {
			return err
		}
	}
	// The best of many short runs: those in which nobody else wanted the core.
	const runs, gets = 50, 100_000
	best := 0.0
	for range runs {
		begin := time.Now()
		for i := range gets {
			if _, _, err := s.Get(ctx, all[i*7919%manyKeys], 0); err != nil {
				return err
			}
		}
		best = max(best, gets/time.Since(begin).Seconds())
	}
	t.row(name, number(best))
	return nil
}

func watchLatency(ctx context.Context, _ string, t *table, name string) error {
	s := memstore.New()
	defer s.Close()
	w, err := s.Watch(ctx, store.Everything, 0)
	if err != nil {
		return err
	}
	defer w.Close()
	arrived := make(chan time.Time)
	go func() {
		for {
			if _, err := w.Next(ctx); err != nil {
				return
			}
			arrived <- time.Now()
		}
	}()
	var took []float64
	for i := range 20_000 {
		begin := time.Now()
		if _, err := s.Create(ctx, fmt.Sprint(i), nil, 0); err != nil {
			return err
		}
		took = append(took, (<-arrived).Sub(begin).Seconds())
		if i%100 == 0 {
			time.Sleep(time.Millisecond) // let the watcher fall asleep now and then
		}
	}
	slices.Sort(took)
	t.row(name, fmt.Sprintf("%.1f µs", took[len(took)/2]*1e6))
	return nil
}

func reopen(ctx context.Context, dir string, t *table, name string) error {
	path := filepath.Join(dir, "reopen.db")
	defer os.Remove(path)
	const size = 2048
	if err := fillStore(ctx, path, size); err != nil {
		return err
	}
	before := heap()
	begin := time.Now()
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	took := time.Since(begin)
	after := heap()
	t.row(name, fmt.Sprintf("%.2f s", took.Seconds()))
	t.row("boltstore: bytes of memory for a byte of it", fmt.Sprintf("%.2f", float64(after-before)/(manyKeys*size)))
	return s.Close()
}

// fillStore makes a store with many keys.
func fillStore(ctx context.Context, path string, size int) error {
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	const writers = 256
	failed := make(chan error, writers)
	for w := range writers {
		go func() {
			for i := w; i < manyKeys; i += writers {
				if _, err := s.Create(ctx, fmt.Sprintf("/registry/pods/pod-%d", i), make([]byte, size), 0); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range writers {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

// heap returns the bytes in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
