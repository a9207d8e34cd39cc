package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/boltstore"
)

// A powerCut is a file of the journal whose disk fails at random: a write finds no
// room and is cut short, or a sync fails. Of what was not synced by then, any part
// of the sectors is lost when the power is cut.
type powerCut struct {
	boltstore.LogFile
	mu       *sync.Mutex
	random   *rand.Rand
	unsynced map[int64][]byte // sectors as they were when last synced, by offset
}

const sectorSize = 512

func (f *powerCut) WriteAt(p []byte, at int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for off := at; off < at+int64(len(p)); off += sectorSize {
		if _, ok := f.unsynced[off]; !ok {
			was := make([]byte, sectorSize)
			_, _ = f.LogFile.ReadAt(was, off) // zeros beyond the end
			f.unsynced[off] = was
		}
	}
	if f.random.IntN(40) == 0 {
		n, err := f.LogFile.WriteAt(p[:f.random.IntN(len(p))], at)
		return n, errors.Join(err, syscall.ENOSPC)
	}
	return f.LogFile.WriteAt(p, at)
}

func (f *powerCut) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.random.IntN(60) == 0 {
		return syscall.EIO
	}
	clear(f.unsynced)
	return nil
}

// Close cuts the power.
func (f *powerCut) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for at, was := range f.unsynced {
		if f.random.IntN(2) == 0 {
			if _, err := f.LogFile.WriteAt(was, at); err != nil {
				return err
			}
		}
	}
	return f.LogFile.Close()
}

// The disk fails under many writers, again and again: a write that finds no room
// fails with ErrFull and did not happen; after a failed sync there are no more
// writes; and whatever the disk then loses of what was not synced, the store opens
// with all that was acknowledged, and of what was under way all or nothing.
// FAULT_ROUNDS says how often (default 20), CRASH_SEED replays an earlier run.
func TestStore_disksFail(t *testing.T) {
	rounds, seed := 20, rand.Uint64()
	if s := os.Getenv("FAULT_ROUNDS"); s != "" {
		rounds, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("CRASH_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("CRASH_SEED=%d FAULT_ROUNDS=%d", seed, rounds)
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	opts := boltstore.Options{}.OnFiles(func(path string, flag int, mode os.FileMode) (boltstore.LogFile, error) {
		f, err := boltstore.OpenLog(path, flag, mode)
		return &powerCut{f, &mu, random, map[int64][]byte{}}, err
	})
	path := filepath.Join(t.TempDir(), "data")
	acked := map[string]int64{}
	for round := range rounds {
		s, err := boltstore.Open(path, opts)
		if errors.Is(err, syscall.EIO) {
			continue // the sync of what was found, before anybody could write
		}
		require.NoError(t, err, "open in round %d", round)
		inFlight := checkKept(t, s, acked)
		require.LessOrEqual(t, inFlight, faultWriters, "each writer had one write under way")
		writeUntilFailed(t, s, round, acked)
		require.NoError(t, s.Close())
	}
	s := open(t, path) // on a disk without faults
	checkKept(t, s, acked)
}

const faultWriters = 4

// checkKept checks that what was acknowledged is there, as it was. What else is
// there counts as acknowledged from now on; it returns how much that is.
func checkKept(t *testing.T, s store.Store, acked map[string]int64) int {
	list, err := s.List(t.Context(), store.Everything, store.ListOptions{})
	require.NoError(t, err)
	found := map[string]int64{}
	for _, kv := range list.Items {
		require.Equal(t, kv.Key, string(kv.Value[:len(kv.Key)]), "the value is whole")
		found[kv.Key] = kv.ModRevision
	}
	for key, revision := range acked {
		require.Equal(t, revision, found[key], "%s was acknowledged", key)
	}
	more := len(found) - len(acked)
	for key, revision := range found {
		acked[key] = revision
	}
	return more
}

// writeUntilFailed creates keys, several at a time, until the store says that it
// has failed. It reads what was written all the while.
func writeUntilFailed(t *testing.T, s *boltstore.Store, round int, acked map[string]int64) {
	ctx := context.Background()
	var mu sync.Mutex // guards acked and failures
	var failures []error
	var writers sync.WaitGroup
	for w := range faultWriters {
		writers.Go(func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("%d/%d/%d", round, w, n)
				revision, err := s.Create(ctx, key, append([]byte(key), make([]byte, n*97%3000)...), 0)
				mu.Lock()
				if err == nil {
					acked[key] = revision
				} else if !errors.Is(err, boltstore.ErrFull) {
					failures = append(failures, err)
				}
				done := len(failures) > 0
				mu.Unlock()
				if done {
					return
				}
			}
		})
	}
	writers.Wait()
	for _, err := range failures {
		require.ErrorIs(t, err, boltstore.ErrFailed)
	}
	_, err := s.Create(ctx, "one more", nil, 0)
	require.ErrorIs(t, err, boltstore.ErrFailed, "there are no more writes")
	require.ErrorIs(t, s.Compact(ctx, 2), boltstore.ErrFailed)
	for key, revision := range acked {
		kv, _, err := s.Get(ctx, key, 0)
		require.NoError(t, err, "reads go on")
		require.Equal(t, revision, kv.ModRevision)
	}
}

// A journal without its data file is not silently left behind, nor taken for that
// of another file.
func TestOpen_journalWithoutData(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data")
	require.NoError(t, os.WriteFile(path+".log1", nil, 0o600))
	_, err := boltstore.Open(path, boltstore.Options{})
	require.ErrorIs(t, err, boltstore.ErrCorrupt)
	require.ErrorContains(t, err, "data.log1")
	_, err = os.Stat(path)
	require.ErrorIs(t, err, os.ErrNotExist, "nothing was made")
}

// Status tells what a killed store acknowledged, though it is in the journal only.
func TestStatus_journal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	s := open(t, path)
	create(t, s, "k", "v")
	copied := filepath.Join(t.TempDir(), "data") // as a kill would leave it
	for _, suffix := range []string{"", ".log1", ".log2"} {
		b, err := os.ReadFile(path + suffix)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(copied+suffix, b, 0o600))
	}
	report, err := boltstore.Status(copied)
	require.NoError(t, err)
	require.Equal(t, 1, report.Keys)
	require.EqualValues(t, 2, report.Revision)

	// The journal goes where the data file goes.
	moved := filepath.Join(filepath.Dir(copied), "moved")
	require.NoError(t, os.WriteFile(moved+".log1", []byte("of a file that was there"), 0o600))
	require.NoError(t, boltstore.Rename(copied, moved))
	require.Equal(t, map[string]string{"k": "v"}, all(t, open(t, moved)))
	require.ErrorIs(t, boltstore.Rename(copied, moved), os.ErrNotExist)
	open(t, copied) // nothing of it is left
}
