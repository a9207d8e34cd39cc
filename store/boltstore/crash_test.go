package boltstore_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/boltstore"
)

// TestMain makes the test binary a child process of itself when a test asks it
// to: childMode says what to be, childPath where the data is.
func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		be := faults[mode]
		if mode == "writer" {
			be = beWriter
		}
		if err := be(os.Getenv(childPath)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const (
	childMode = "BOLTSTORE_TEST_CHILD"
	childPath = "BOLTSTORE_TEST_PATH"
	childOpen = "open"
)

// child returns the command that runs this program as a child.
func child(t *testing.T, mode, path string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childMode+"="+mode, childPath+"="+path)
	cmd.Stderr = t.Output()
	return cmd
}

const crashWriters = 6

// beWriter opens the store and writes until it is killed. Each of its writers
// creates keys "writer/1", "writer/2"... from where the store ends, deletes every
// third one soon after, and prints "writer number revision" when a create
// returned. Before all that it prints a line that says that it is open. Meanwhile
// one key grows the file and a compaction shrinks it.
func beWriter(path string) error {
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	next, err := nextNumbers(ctx, s)
	if err != nil {
		return err
	}
	fmt.Println(childOpen)
	failed := make(chan error)
	for w := range crashWriters {
		go func() {
			for n := next[w]; ; n++ {
				if err := writeNumber(ctx, s, w, n); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	go func() {
		for {
			if err := growAndCompact(ctx, s); err != nil {
				failed <- err
				return
			}
		}
	}()
	return <-failed
}

// nextNumbers returns for each writer the number after its last.
func nextNumbers(ctx context.Context, s store.Store) ([]int, error) {
	next := make([]int, crashWriters)
	for w := range next {
		list, err := s.List(ctx, store.Prefix(fmt.Sprint(w, "/")), store.ListOptions{})
		if err != nil {
			return nil, err
		}
		for _, kv := range list.Items {
			var n int
			if _, err := fmt.Sscanf(kv.Key, strconv.Itoa(w)+"/%d", &n); err != nil {
				return nil, err
			}
			next[w] = max(next[w], n+1)
		}
	}
	return next, nil
}

func writeNumber(ctx context.Context, s store.Store, w, n int) error {
	rev, err := s.Create(ctx, fmt.Sprint(w, "/", n), valueOf(w, n), 0)
	if err != nil {
		return err
	}
	fmt.Println(w, n, rev)
	if n%3 == 2 { // every third goes, but never the last
		_, _, err = s.Delete(ctx, fmt.Sprint(w, "/", n-1), 0)
	}
	return err
}

// valueOf returns bytes that belong to a number: more of them, now and then,
// than fit a page.
func valueOf(w, n int) []byte {
	random := rand.New(rand.NewPCG(uint64(w), uint64(n)))
	b := make([]byte, random.IntN(200)+random.IntN(2)*random.IntN(9000))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

func growAndCompact(ctx context.Context, s store.Store) error {
	for range 50 {
		_, err := s.Update(ctx, "big", make([]byte, 400<<10), 0, 0)
		if err != nil {
			if _, err = s.Create(ctx, "big", nil, 0); err != nil {
				return err
			}
		}
	}
	rev, err := s.Revision(ctx)
	if err != nil {
		return err
	}
	return s.Compact(ctx, rev)
}

// An ack is a create that returned.
type ack struct {
	writer, number int
	revision       int64
}

// A child that writes is killed at random instants, and the store is opened
// again: all that was acknowledged is there, and of each writer at most the one
// write that was under way. CRASH_ROUNDS says how often (default 8), CRASH_SEED
// replays the instants of an earlier run.
func TestStore_killed(t *testing.T) {
	t.Parallel()
	rounds, seed := 8, rand.Uint64()
	if s := os.Getenv("CRASH_ROUNDS"); s != "" {
		rounds, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("CRASH_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("CRASH_SEED=%d CRASH_ROUNDS=%d", seed, rounds)
	random := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "data")
	acked := map[string]ack{}
	for round := range rounds {
		killAfter := time.Duration(random.Int64N(int64(600 * time.Millisecond)))
		last := runAndKill(t, path, killAfter, round%4 == 3, acked)
		checkAcknowledged(t, path, acked, last)
		require.False(t, t.Failed(), "in round %d, killed after %v", round, killAfter)
	}
	require.NotEmpty(t, acked, "no child lived long enough to write")
	t.Logf("%d acknowledged writes", len(acked))
}

// runAndKill runs a writer and notes what it acknowledged. It returns the last
// number of each writer. The time to the kill counts from when the store is open,
// so that a busy machine gives the writers theirs; early counts it from the start
// of the process, so that some kills hit the opening.
func runAndKill(t *testing.T, path string, after time.Duration, early bool, acked map[string]ack) map[int]int {
	cmd := child(t, "writer", path)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	kill := func() *time.Timer { return time.AfterFunc(after, func() { cmd.Process.Kill() }) }
	if early {
		defer kill().Stop()
	}
	last := map[int]int{}
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			require.ErrorIs(t, err, io.EOF) // a line cut short is no acknowledgement
			break
		}
		if line == childOpen+"\n" {
			if !early {
				defer kill().Stop()
			}
			continue
		}
		var a ack
		_, err = fmt.Sscan(line, &a.writer, &a.number, &a.revision)
		require.NoError(t, err, "line %q", line)
		acked[fmt.Sprint(a.writer, "/", a.number)] = a
		last[a.writer] = a.number
	}
	err = cmd.Wait()
	require.ErrorContains(t, err, "killed", "the child ended by itself")
	return last
}

func checkAcknowledged(t *testing.T, path string, acked map[string]ack, last map[int]int) {
	s, err := boltstore.Open(path, boltstore.Options{})
	if os.IsNotExist(err) && len(acked) == 0 {
		return
	}
	require.NoError(t, err, "open after the kill")
	require.NoFileExists(t, path+".new", "what a kill leaves is cleaned up")
	defer func() { require.NoError(t, s.Close()) }()
	list, err := s.List(t.Context(), store.Everything, store.ListOptions{})
	require.NoError(t, err)
	found := map[string]store.KeyValue{}
	for _, kv := range list.Items {
		found[kv.Key] = kv
	}
	for _, key := range slices.Sorted(maps.Keys(acked)) {
		a := acked[key]
		kv, ok := found[key]
		if !ok {
			// Its deletion follows the create of the next number.
			_, nextOk := found[fmt.Sprint(a.writer, "/", a.number+1)]
			require.True(t, a.number%3 == 1 && nextOk, "%s was acknowledged and is gone", key)
			continue
		}
		require.Equal(t, a.revision, kv.CreateRevision, "the revision of %s", key)
		require.Equal(t, valueOf(a.writer, a.number), kv.Value, "the value of %s", key)
		delete(found, key)
	}
	delete(found, "big")
	// What is left was under way: at most one write of each writer.
	for key, kv := range found {
		var w, n int
		_, err := fmt.Sscanf(key, "%d/%d", &w, &n)
		require.NoError(t, err)
		require.Equal(t, valueOf(w, n), kv.Value, "%s is half of a write", key)
		if lastNumber, ok := last[w]; ok {
			require.Equal(t, lastNumber+1, n, "writer %d had not come to %s", w, key)
		}
		// It happened, if nobody was told: from now on it must stay.
		acked[key] = ack{w, n, kv.CreateRevision}
	}
}
