package history

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/record"
)

// ErrSnapshot: the file is not a snapshot, or not a whole one.
var ErrSnapshot = errors.New("not an intact snapshot")

// A snapshot is
//
//	magic
//	uvarint  compacted revision
//	uvarint  number of keys at the base, then that many records
//	uvarint  number of changes since, then that many records
//	zeros    up to a multiple of snapshotBlock
//	32 bytes SHA-256 of all of the above
//
// A record is its length in bytes as a uvarint, then what package record makes
// of it. The end is that of etcd's snapshots, which etcdctl looks for.
const (
	magic         = "coracle store snapshot 1\n"
	snapshotBlock = 512
	// maxRecord bounds what a damaged length can make us allocate.
	maxRecord = 1 << 30
)

// WriteSnapshot writes a state and all of its history.
func WriteSnapshot(w io.Writer, s State) error {
	out := &sumWriter{sum: sha256.New(), w: bufio.NewWriterSize(w, 1<<20)}
	if err := s.encode(out); err != nil {
		return err
	}
	if rest := out.written % snapshotBlock; rest != 0 {
		if _, err := out.Write(make([]byte, snapshotBlock-rest)); err != nil {
			return err
		}
	}
	if _, err := out.w.Write(out.sum.Sum(nil)); err != nil {
		return err
	}
	return out.w.Flush()
}

// Hash returns a hexadecimal SHA-256 of a state and all of its history.
func Hash(s State) (string, error) {
	sum := sha256.New()
	if err := s.encode(sum); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// encode writes the part of a snapshot before the padding.
func (s State) encode(w io.Writer) error {
	base, keys := s.Base()
	changes := s.Since(base)
	b := binary.AppendUvarint([]byte(magic), uint64(s.compacted))
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, kv := range keys {
		b = appendRecord(b, store.Put, kv)
		if _, err := w.Write(b); err != nil {
			return err
		}
		b = b[:0]
	}
	b = binary.AppendUvarint(b, uint64(len(changes)))
	for _, c := range changes {
		b = appendRecord(b, c.Type, c.KV)
		if _, err := w.Write(b); err != nil {
			return err
		}
		b = b[:0]
	}
	_, err := w.Write(b)
	return err
}

func appendRecord(b []byte, t store.EventType, kv *store.KeyValue) []byte {
	r := record.Append(nil, t, kv)
	b = binary.AppendUvarint(b, uint64(len(r)))
	return append(b, r...)
}

// A sumWriter sums up what goes through it.
type sumWriter struct {
	sum     hash.Hash
	w       *bufio.Writer
	written int
}

func (s *sumWriter) Write(p []byte) (int, error) {
	s.sum.Write(p)
	s.written += len(p)
	return s.w.Write(p)
}

// IsSnapshot reports whether r begins as a snapshot does.
func IsSnapshot(r io.Reader) bool {
	b := make([]byte, len(magic))
	_, err := io.ReadFull(r, b)
	return err == nil && string(b) == magic
}

// ReadSnapshot reads what [WriteSnapshot] wrote. Anything else, and anything cut
// short or changed, gives [ErrSnapshot].
func ReadSnapshot(r io.ReadSeeker) (State, error) {
	if err := verify(r); err != nil {
		return State{}, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return State{}, err
	}
	in := bufio.NewReaderSize(r, 1<<20)
	if !IsSnapshot(in) {
		return State{}, fmt.Errorf("%w: it begins with something else", ErrSnapshot)
	}
	s, err := decode(in)
	if err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return s, nil
}

// verify checks the length and the sum at the end.
func verify(r io.ReadSeeker) error {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size < snapshotBlock || size%snapshotBlock != sha256.Size {
		return fmt.Errorf("%w: a file of %d bytes is cut short", ErrSnapshot, size)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyN(sum, r, size-sha256.Size); err != nil {
		return err
	}
	want := make([]byte, sha256.Size)
	if _, err := io.ReadFull(r, want); err != nil {
		return err
	}
	if !bytes.Equal(want, sum.Sum(nil)) {
		return fmt.Errorf("%w: its checksum does not match", ErrSnapshot)
	}
	return nil
}

// decode reads what follows the magic.
func decode(in *bufio.Reader) (State, error) {
	compacted, err := binary.ReadUvarint(in)
	if err != nil {
		return State{}, err
	}
	var keys []*store.KeyValue
	err = readRecords(in, func(_ store.EventType, kv *store.KeyValue) error {
		keys = append(keys, kv)
		return nil
	})
	if err != nil {
		return State{}, err
	}
	s := Load(int64(compacted), keys)
	err = readRecords(in, func(t store.EventType, kv *store.KeyValue) error {
		var err error
		s, err = s.Replay(t, kv)
		return err
	})
	return s, err
}

// readRecords reads a number and that many records.
func readRecords(in *bufio.Reader, each func(store.EventType, *store.KeyValue) error) error {
	count, err := binary.ReadUvarint(in)
	if err != nil {
		return err
	}
	var b []byte
	for range count {
		size, err := binary.ReadUvarint(in)
		if err != nil {
			return err
		}
		if size > maxRecord {
			return fmt.Errorf("a record of %d bytes", size)
		}
		b = append(b[:0], make([]byte, size)...)
		if _, err := io.ReadFull(in, b); err != nil {
			return err
		}
		t, kv, err := record.Decode(b)
		if err != nil {
			return err
		}
		if err := each(t, kv); err != nil {
			return err
		}
	}
	return nil
}
