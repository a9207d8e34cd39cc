package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A Batch is what was appended.
type Batch struct {
	Number  int64
	Payload []byte
}

// Open reads the log in a file, which is empty at first. It returns the batches
// since the last Rewind, or those before it if there was none appended since; the
// caller knows by their numbers what it still needs. Above that number, needed, a
// batch that is lost is an [ErrCorrupt].
//
// The batches may have been written but not synced by a process that was killed;
// see [Log.Sync].
func Open(file File, id []byte, needed int64) (*Log, []Batch, error) {
	l := &Log{file: file, seed: crc32.Checksum(id, castagnoli)}
	content, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<62))
	if err != nil {
		return nil, nil, fmt.Errorf("read the log: %w", err)
	}
	var batches []Batch
	for {
		batch, err := l.decode(content, l.end)
		if err != nil || batch.Number <= l.last {
			break
		}
		batches = append(batches, batch)
		l.end += int64(padded(headSize + len(batch.Payload)))
		l.last = batch.Number
	}
	for at := l.end; at < int64(len(content)); at += sector {
		if batch, err := l.decode(content, at); err == nil && batch.Number > max(needed, l.last) {
			return nil, nil, fmt.Errorf("%w: batch %d is behind a broken one", ErrCorrupt, batch.Number)
		}
	}
	return l, batches, nil
}

// errTorn: there is no whole batch.
var errTorn = errors.New("torn batch")

// decode returns the batch that starts at an offset.
func (l *Log) decode(content []byte, at int64) (Batch, error) {
	if at+headSize > int64(len(content)) {
		return Batch{}, errTorn
	}
	b := content[at:]
	size := int64(binary.BigEndian.Uint32(b[4:]))
	if size > maxPayload || headSize+size > int64(len(b)) {
		return Batch{}, errTorn
	}
	if binary.BigEndian.Uint32(b) != crc32.Update(l.seed, castagnoli, b[4:headSize+size]) {
		return Batch{}, errTorn
	}
	number := int64(binary.BigEndian.Uint64(b[8:]))
	return Batch{Number: number, Payload: b[headSize : headSize+size]}, nil
}

// Sync makes what Open read durable.
func (l *Log) Sync() error {
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("sync the log: %w", &SyncError{err})
	}
	return nil
}
