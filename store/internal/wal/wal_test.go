package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store/internal/wal"
)

// A memory is a file in memory, which can fail.
type memory struct {
	content []byte
	room    int   // bytes that may be written, if not zero
	broken  error // what Sync returns
}

func (m *memory) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(m.content).ReadAt(p, at)
}

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if m.room > 0 && int(at)+len(p) > m.room {
		n, _ := m.write(p[:max(0, m.room-int(at))], at)
		return n, syscall.ENOSPC
	}
	return m.write(p, at)
}

func (m *memory) write(p []byte, at int64) (int, error) {
	if end := int(at) + len(p); end > len(m.content) {
		m.content = append(m.content, make([]byte, end-len(m.content))...)
	}
	return copy(m.content[at:], p), nil
}

func (m *memory) Sync() error  { return m.broken }
func (m *memory) Close() error { return nil }

var id = []byte("log")

func open(t testing.TB, m *memory, needed int64) (*wal.Log, []wal.Batch) {
	l, batches, err := wal.Open(m, id, needed)
	require.NoError(t, err)
	return l, batches
}

// payload returns bytes that belong to a number; some take several sectors.
func payload(n int64) []byte { return bytes.Repeat([]byte{byte(n)}, int(n*n*37%2000)) }

func numbers(t testing.TB, batches []wal.Batch) []int64 {
	var out []int64
	for _, b := range batches {
		require.Equal(t, payload(b.Number), append([]byte{}, b.Payload...))
		out = append(out, b.Number)
	}
	return out
}

func write(t testing.TB, l *wal.Log, from, to int64) {
	for n := from; n <= to; n++ {
		require.NoError(t, l.Append(n, payload(n)))
	}
}

func Example() {
	var file memory
	l, _, _ := wal.Open(&file, id, 0)
	l.Append(1, []byte("born"))
	l.Append(2, []byte("grown"))
	_, batches, _ := wal.Open(&file, id, 0) // after a crash
	for _, b := range batches {
		fmt.Printf("%d %s\n", b.Number, b.Payload)
	}
	// Output:
	// 1 born
	// 2 grown
}

// Whatever was appended is there again, and what is appended then too.
func TestLog(t *testing.T) {
	m := &memory{}
	l, batches := open(t, m, 0)
	require.Empty(t, batches)
	write(t, l, 1, 5)
	require.Zero(t, l.Size()%512)
	l, batches = open(t, m, 0)
	require.Equal(t, []int64{1, 2, 3, 4, 5}, numbers(t, batches))
	write(t, l, 6, 9)
	l, batches = open(t, m, 0)
	require.Len(t, batches, 9)
	require.Error(t, l.Append(9, nil), "numbers rise")
	_, batches, err := wal.Open(m, []byte("another"), 0)
	require.NoError(t, err)
	require.Empty(t, batches, "they belong to another log")
}

// After Rewind the old batches are overwritten one by one, and those that are
// still there are not taken for new ones.
func TestLog_Rewind(t *testing.T) {
	m := &memory{}
	l, _ := open(t, m, 0)
	write(t, l, 1, 20)
	l.Rewind()
	require.Zero(t, l.Size())
	for n := int64(21); n <= 40; n++ {
		write(t, l, n, n)
		_, batches := open(t, m, 20)
		want := make([]int64, 0, n-20)
		for k := int64(21); k <= n; k++ {
			want = append(want, k)
		}
		require.Equal(t, want, numbers(t, batches))
	}
}

// A crash during a write leaves any part of its sectors, in any order: the log ends
// before it, and goes on from there.
func TestOpen_torn(t *testing.T) {
	for _, rewound := range []bool{false, true} {
		m := &memory{}
		l, _ := open(t, m, 0)
		needed := int64(0)
		write(t, l, 1, 12)
		if rewound {
			l.Rewind()
			needed = 12
			write(t, l, 13, 15)
		}
		before, whole := bytes.Clone(m.content), l.Size()
		next := int64(30) // of 1300 bytes: three sectors
		write(t, l, next, next)
		sectors := int(l.Size()-whole) / 512
		require.Equal(t, 3, sectors)
		for written := range 1 << sectors {
			torn := &memory{content: append(bytes.Clone(before), make([]byte, max(0, len(m.content)-len(before)))...)}
			for s := range sectors {
				if at := int(whole) + s*512; written>>s&1 == 1 {
					copy(torn.content[at:at+512], m.content[at:])
				}
			}
			l, batches := open(t, torn, needed)
			all := written == 1<<sectors-1
			require.Equal(t, all, batches[len(batches)-1].Number == next, "sectors %03b", written)
			write(t, l, 31, 33)
			_, again := open(t, torn, needed)
			require.Equal(t, append(numbers(t, batches), 31, 32, 33), numbers(t, again))
		}
	}
}

// A bit that rots in a batch that was acknowledged is told from a crash by the
// whole batches behind it.
func TestOpen_rot(t *testing.T) {
	m := &memory{}
	l, _ := open(t, m, 0)
	write(t, l, 1, 10)
	_, batches := open(t, m, 0)
	at := 0
	for _, b := range batches[:9] { // the last cannot be told from one under way
		for _, i := range []int{0, 5, 9, 15, 16 + len(b.Payload) - 1} {
			rotten := &memory{content: bytes.Clone(m.content)}
			rotten.content[at+i] ^= 0x10
			_, _, err := wal.Open(rotten, id, 0)
			require.ErrorIs(t, err, wal.ErrCorrupt, "byte %d of batch %d", i, b.Number)
			_, _, err = wal.Open(rotten, id, 10)
			require.NoError(t, err, "none of them is needed any more")
		}
		at += (16 + len(b.Payload) + 511) / 512 * 512
	}
}

// A batch that does not fit is not there, and a smaller one is welcome.
func TestAppend_full(t *testing.T) {
	m := &memory{room: 4096}
	l, _ := open(t, m, 0)
	write(t, l, 1, 2)
	size := l.Size()
	require.ErrorIs(t, l.Append(3, make([]byte, 4096)), syscall.ENOSPC)
	require.Equal(t, size, l.Size())
	write(t, l, 3, 3)
	_, batches := open(t, m, 0)
	require.Equal(t, []int64{1, 2, 3}, numbers(t, batches))
}

func TestAppend_syncFails(t *testing.T) {
	m := &memory{}
	l, _ := open(t, m, 0)
	m.broken = syscall.EIO
	err := l.Append(1, nil)
	require.ErrorIs(t, err, syscall.EIO)
	_, ok := errors.AsType[*wal.SyncError](err)
	require.True(t, ok, "%v", err)
	_, ok = errors.AsType[*wal.SyncError](l.Sync())
	require.True(t, ok)
}

// Whatever is in a file, reading it ends, and what is appended then is found.
func FuzzOpen(f *testing.F) {
	m := &memory{}
	l, _ := open(f, m, 0)
	write(f, l, 1, 3)
	f.Add(m.content)
	f.Add([]byte{0: 1, 600: 2})
	f.Fuzz(func(t *testing.T, content []byte) {
		m := &memory{content: content}
		l, batches, err := wal.Open(m, id, 0)
		if err != nil {
			require.ErrorIs(t, err, wal.ErrCorrupt)
			return
		}
		last := int64(0)
		if len(batches) > 0 {
			last = batches[len(batches)-1].Number
		}
		if last > 1<<62 {
			return
		}
		require.NoError(t, l.Append(last+1, []byte("new")))
		_, after, err := wal.Open(m, id, 0)
		require.NoError(t, err)
		require.Len(t, after, len(batches)+1)
	})
}
