package record_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/record"
)

func Example() {
	kv := &store.KeyValue{Key: "boat", Value: []byte("coracle"), CreateRevision: 2, ModRevision: 5, Version: 3}
	b := record.Append(nil, store.Put, kv)
	_, got, err := record.Decode(b)
	fmt.Println(len(b), got.Key, string(got.Value), got.ModRevision, err)

	b[len(b)-1]++
	_, _, err = record.Decode(b)
	fmt.Println(err)
	// Output:
	// 22 boat coracle 5 <nil>
	// corrupt record: checksum is 979a95c6, should be 84ca6632
}

// Any key-value comes back as it was, and any cut or changed bit is found.
func FuzzRecord(f *testing.F) {
	f.Add("a", []byte{}, int64(2), int64(2), int64(1), int64(0), uint(0))
	f.Add("/registry/pods/x", []byte("value\x00\xff"), int64(7), int64(1<<62), int64(12), int64(1_800_000_000), uint(77))
	f.Fuzz(func(t *testing.T, key string, value []byte, create, mod, version, expires int64, flip uint) {
		if key == "" || expires < 0 {
			t.Skip("no such key-value")
		}
		want := &store.KeyValue{Key: key, Value: value, CreateRevision: create, ModRevision: mod, Version: version}
		if value == nil {
			want.Value = []byte{}
		}
		if expires > 0 {
			want.Expires = time.Unix(expires%(1<<40), expires%1e9)
		}
		b := record.Append([]byte("before"), store.Put, want)[len("before"):]
		require.LessOrEqual(t, len(b), record.MaxSize(want))
		_, got, err := record.Decode(b)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(want, got))

		_, _, err = record.Decode(b[:int(flip)%len(b)])
		require.ErrorIs(t, err, record.ErrCorrupt)
		b[int(flip/8)%len(b)] ^= 1 << (flip % 8)
		_, _, err = record.Decode(b)
		require.ErrorIs(t, err, record.ErrCorrupt)
	})
}

// Whatever the bytes, decoding does not panic.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(record.Append(nil, store.Delete, &store.KeyValue{Key: "a", ModRevision: 3}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, kv, err := record.Decode(b); err == nil {
			require.NotEmpty(t, kv.Key)
		} else {
			require.ErrorIs(t, err, record.ErrCorrupt)
		}
	})
}
