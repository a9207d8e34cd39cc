package store

import (
	"errors"
	"fmt"
)

// The errors every store returns, to be tested with [errors.Is].
var (
	// ErrNotFound: the key does not exist.
	ErrNotFound = errors.New("key not found")
	// ErrExists: the key to be created exists.
	ErrExists = errors.New("key exists")
	// ErrConflict: the key was written since the revision the caller knows.
	ErrConflict = errors.New("revision conflict")
	// ErrCompacted: the revision asked for is no longer kept. List again.
	ErrCompacted = errors.New("revision has been compacted")
	// ErrFutureRevision: the revision asked for has not been written yet.
	ErrFutureRevision = errors.New("revision is in the future")
	// ErrClosed: the store or the watcher was closed.
	ErrClosed = errors.New("store is closed")
)

// A ConflictError is a failed condition of a write, with the key that was
// found instead, so that the caller can try again without another read.
// It matches ErrExists or ErrConflict.
type ConflictError struct {
	Reason  error // ErrExists or ErrConflict
	Current KeyValue
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s: %v at revision %d", e.Current.Key, e.Reason, e.Current.ModRevision)
}

// Unwrap lets errors.Is find the reason.
func (e *ConflictError) Unwrap() error { return e.Reason }
