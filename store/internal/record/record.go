package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/coracle-k8s/coracle/store"
)

// ErrCorrupt: the bytes are not what was written.
var ErrCorrupt = errors.New("corrupt record")

// checksumSize is the length of the checksum in bytes.
const checksumSize = 4

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Append appends the record of a change to b.
func Append(b []byte, t store.EventType, kv *store.KeyValue) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, byte(t))
	b = binary.AppendUvarint(b, uint64(kv.CreateRevision))
	b = binary.AppendUvarint(b, uint64(kv.ModRevision))
	b = binary.AppendUvarint(b, uint64(kv.Version))
	var seconds, nanoseconds uint64
	if !kv.Expires.IsZero() {
		seconds, nanoseconds = uint64(kv.Expires.Unix()), uint64(kv.Expires.Nanosecond())
	}
	b = binary.AppendUvarint(b, seconds)
	b = binary.AppendUvarint(b, nanoseconds)
	b = binary.AppendUvarint(b, uint64(len(kv.Key)))
	b = append(b, kv.Key...)
	b = append(b, kv.Value...)
	sum := crc32.Checksum(b[start+checksumSize:], castagnoli)
	binary.BigEndian.PutUint32(b[start:], sum)
	return b
}

// MaxSize returns the most bytes that the record of kv takes.
func MaxSize(kv *store.KeyValue) int {
	return checksumSize + 1 + 6*binary.MaxVarintLen64 + len(kv.Key) + len(kv.Value)
}

// Decode reads a record. What it returns shares nothing with b. It fails with
// [ErrCorrupt] unless b is exactly one record.
func Decode(b []byte) (store.EventType, *store.KeyValue, error) {
	if len(b) <= checksumSize {
		return 0, nil, fmt.Errorf("%w: %d bytes", ErrCorrupt, len(b))
	}
	if want, got := binary.BigEndian.Uint32(b), crc32.Checksum(b[checksumSize:], castagnoli); want != got {
		return 0, nil, fmt.Errorf("%w: checksum is %08x, should be %08x", ErrCorrupt, got, want)
	}
	t := store.EventType(b[checksumSize])
	if t != store.Put && t != store.Delete {
		return 0, nil, fmt.Errorf("%w: unknown type %d", ErrCorrupt, t)
	}
	in := reader{rest: b[checksumSize+1:]}
	kv := &store.KeyValue{
		CreateRevision: in.number(),
		ModRevision:    in.number(),
		Version:        in.number(),
	}
	if seconds, nanoseconds := in.number(), in.number(); seconds != 0 || nanoseconds != 0 {
		kv.Expires = time.Unix(seconds, nanoseconds)
	}
	kv.Key = string(in.bytes(in.number()))
	if len(in.rest) > 0 {
		kv.Value = append(make([]byte, 0, len(in.rest)), in.rest...)
	} else if t == store.Put {
		kv.Value = []byte{}
	}
	if in.short || kv.Key == "" {
		return 0, nil, fmt.Errorf("%w: cut short", ErrCorrupt)
	}
	return t, kv, nil
}

// A reader takes fields off the front of rest.
type reader struct {
	rest  []byte
	short bool // there was less than asked for
}

func (r *reader) number() int64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.short, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return int64(n)
}

func (r *reader) bytes(n int64) []byte {
	if n < 0 || n > int64(len(r.rest)) {
		r.short, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}
