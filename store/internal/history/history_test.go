package history_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/history"
)

// after returns the state after a write that must succeed.
func after(t testing.TB, s history.State, w history.Write) history.State {
	t.Helper()
	change, err := s.Decide(w)
	require.NoError(t, err)
	return s.With(change)
}

func ExampleState() {
	one := history.New()
	change, _ := one.Decide(history.Write{Op: history.Create, Key: "boat", Value: []byte("coracle")})
	two := one.With(change)
	_, err := two.Decide(history.Write{Op: history.Create, Key: "boat"})
	fmt.Println(one.Revision(), one.Len(), two.Revision(), two.Len())
	fmt.Println(err)
	// Output:
	// 1 0 2 1
	// create boat: boat: key exists at revision 2
}

// A successor that is dropped leaves no trace in the next one.
func TestState_droppedSuccessor(t *testing.T) {
	base := history.New()
	for i := range 100 {
		base = after(t, base, history.Write{Op: history.Create, Key: fmt.Sprint(i)})
	}
	dropped := base
	for i := range 100 {
		dropped = after(t, dropped, history.Write{Op: history.Create, Key: fmt.Sprint("dropped", i)})
	}
	next := base
	for i := range 100 {
		next = after(t, next, history.Write{Op: history.Create, Key: fmt.Sprint("kept", i)})
	}
	for rev := int64(102); rev <= 201; rev++ {
		list, err := next.List(store.Prefix("dropped"), store.ListOptions{Revision: rev})
		require.NoError(t, err)
		require.Empty(t, list.Items)
		list, err = next.List(store.Prefix("kept"), store.ListOptions{Revision: rev})
		require.NoError(t, err)
		require.EqualValues(t, rev-101, list.Count)
	}
}

// What cannot have followed is refused when a log is read back.
func TestState_replayRefuses(t *testing.T) {
	s := after(t, history.New(), history.Write{Op: history.Create, Key: "a"})
	for name, kv := range map[string]store.KeyValue{
		"a gap":           {Key: "b", CreateRevision: 4, ModRevision: 4, Version: 1},
		"a repetition":    {Key: "b", CreateRevision: 2, ModRevision: 2, Version: 1},
		"a lost create":   {Key: "b", CreateRevision: 2, ModRevision: 3, Version: 2},
		"a lost update":   {Key: "a", CreateRevision: 2, ModRevision: 3, Version: 3},
		"a second create": {Key: "a", CreateRevision: 3, ModRevision: 3, Version: 1},
	} {
		_, err := s.Replay(store.Put, &kv)
		require.Error(t, err, name)
	}
	_, err := s.Replay(store.Delete, &store.KeyValue{Key: "b", ModRevision: 3})
	require.Error(t, err, "a delete of nothing")
	_, err = s.Replay(store.Delete, &store.KeyValue{Key: "a", ModRevision: 3})
	require.NoError(t, err)
}

// Deletes that are refused are tried again, and those that came due meanwhile
// with them.
func TestExpiry_triesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, done, ended := history.NewExpiry(), make(chan struct{}), make(chan struct{})
		start := time.Now()
		var asked []string
		go func() {
			e.Run(done, func(due []history.Write) error {
				line := time.Since(start).String()
				for _, w := range due {
					line += " " + w.Key
				}
				asked = append(asked, line)
				if len(asked) == 1 {
					return errors.New("the disk is full")
				}
				return nil
			})
			close(ended)
		}()
		for _, key := range []string{"a", "b"} {
			e.Add(&store.KeyValue{Key: key, Expires: start.Add(2 * time.Second)})
		}
		e.Add(&store.KeyValue{Key: "c", Expires: start.Add(2500 * time.Millisecond)})
		e.Add(&store.KeyValue{Key: "immortal"})
		time.Sleep(time.Hour)
		close(done)
		<-ended
		require.Len(t, asked, 3)
		require.ElementsMatch(t, []string{"2s a b", "2.5s c", "3s a b"}, normal(asked))
	})
}

// normal puts the two keys that come due together in order.
func normal(lines []string) []string {
	for i, line := range lines {
		lines[i] = map[string]string{"2s b a": "2s a b", "3s b a": "3s a b"}[line]
		if lines[i] == "" {
			lines[i] = line
		}
	}
	return lines
}

func TestSnapshot(t *testing.T) {
	s := history.New()
	for i := range 200 {
		s = after(t, s, history.Write{Op: history.Create, Key: fmt.Sprint(i), Value: make([]byte, i), Expires: time.Unix(int64(i), 5)})
	}
	s = after(t, s, history.Write{Op: history.Delete, Key: "7"})
	for _, compact := range []int64{0, 100, s.Revision()} {
		if compact > 0 {
			var err error
			s, err = s.Compact(compact)
			require.NoError(t, err)
		}
		var b bytes.Buffer
		require.NoError(t, history.WriteSnapshot(&b, s))
		require.True(t, history.IsSnapshot(bytes.NewReader(b.Bytes())))
		got, err := history.ReadSnapshot(bytes.NewReader(b.Bytes()))
		require.NoError(t, err)
		want, err := history.Hash(s)
		require.NoError(t, err)
		hash, err := history.Hash(got)
		require.NoError(t, err)
		require.Equal(t, want, hash, "compacted at %d", compact)
		require.Equal(t, s.Revision(), got.Revision())
	}
}

// Whatever is in a file whose checksum is right, reading it ends without panic,
// and what is accepted can be written again.
func FuzzReadSnapshot(f *testing.F) {
	var b bytes.Buffer
	s := after(f, history.New(), history.Write{Op: history.Create, Key: "a", Value: []byte("1")})
	require.NoError(f, history.WriteSnapshot(&b, s))
	f.Add(b.Bytes()[:b.Len()-sha256.Size])
	f.Add([]byte("coracle store snapshot 1\n\x05\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, content []byte) {
		content = append(content, make([]byte, (512-len(content)%512)%512)...)
		sum := sha256.Sum256(content)
		got, err := history.ReadSnapshot(bytes.NewReader(append(content, sum[:]...)))
		if err != nil {
			require.ErrorIs(t, err, history.ErrSnapshot)
			return
		}
		_, err = history.Hash(got)
		require.NoError(t, err)
	})
}
