package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// ErrCorrupt: what had been written is no longer there as it was.
var ErrCorrupt = errors.New("corrupt log")

// A SyncError is a failed sync: nobody can know what is on disk.
type SyncError struct{ Err error }

func (e *SyncError) Error() string { return "sync: " + e.Err.Error() }

// Unwrap returns the system's error.
func (e *SyncError) Unwrap() error { return e.Err }

const (
	// sector is what batches are aligned to, in bytes.
	sector = 512
	// headSize is the length of a batch's head in bytes.
	headSize = 16
	// maxPayload bounds a batch, in bytes.
	maxPayload = 1 << 30
)

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A File is what a log needs of an os.File; tests have others. Sync returns when
// all that was written is on disk.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
}

// A Log appends batches to a file. It is not safe for concurrent use.
type Log struct {
	file File
	seed uint32 // the CRC of the ID
	end  int64  // where the next batch goes
	last int64  // the highest number in the log before it
	buf  []byte // of the last batch, to be used again
}

// Append writes a batch and returns when it is on disk. The number must be higher
// than those before. After a [*SyncError] the log must not be used any more. After
// any other error the batch is not in the log, and the next Append may succeed.
func (l *Log) Append(number int64, payload []byte) error {
	if len(payload) > maxPayload {
		return fmt.Errorf("append %d bytes to the log: more than %d", len(payload), maxPayload)
	}
	if number <= l.last {
		return fmt.Errorf("append batch %d to the log after %d", number, l.last)
	}
	batch := l.encode(number, payload)
	if _, err := l.file.WriteAt(batch, l.end); err != nil {
		return fmt.Errorf("append to the log: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("append to the log: %w", &SyncError{err})
	}
	l.end, l.last = l.end+int64(len(batch)), number
	return nil
}

// encode returns a batch as it is in the file, up to the end of its last sector.
func (l *Log) encode(number int64, payload []byte) []byte {
	b := append(l.buf[:0], make([]byte, headSize)...)
	binary.BigEndian.PutUint32(b[4:], uint32(len(payload)))
	binary.BigEndian.PutUint64(b[8:], uint64(number))
	b = append(b, payload...)
	binary.BigEndian.PutUint32(b, crc32.Update(l.seed, castagnoli, b[4:]))
	l.buf = append(b, make([]byte, padded(len(b))-len(b))...)
	return l.buf
}

// padded rounds up to whole sectors.
func padded(n int) int { return (n + sector - 1) / sector * sector }

// Rewind forgets all batches: the next is written over the first. What they held
// must be safe elsewhere.
func (l *Log) Rewind() { l.end = 0 }

// Size returns how many bytes the batches take.
func (l *Log) Size() int64 { return l.end }

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }
