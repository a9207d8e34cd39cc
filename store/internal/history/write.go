package history

import (
	"errors"
	"fmt"
	"time"

	"github.com/coracle-k8s/coracle/store"
)

// An Op is a kind of write.
type Op int

// The kinds of write, as in [store.Writer].
const (
	Create Op = iota
	Update
	Delete
)

func (op Op) String() string { return [...]string{"create", "update", "delete"}[op] }

// A Write is what a caller wants done to one key.
type Write struct {
	Op         Op
	Key        string
	Value      []byte
	IfRevision int64     // of an update or delete; zero means any
	Expires    time.Time // zero means never
}

// Why a write is refused in any state.
var (
	errEmptyKey    = errors.New("the key is empty")
	errNegativeTTL = errors.New("the time to live is negative")
)

// SetTTL makes the key expire when a time to live that starts now is over. Zero
// means never.
func (w *Write) SetTTL(ttl time.Duration) error {
	switch {
	case ttl < 0:
		return fmt.Errorf("%v %s: %w", w.Op, w.Key, errNegativeTTL)
	case ttl > 0:
		w.Expires = time.Now().Add(ttl)
	}
	return nil
}

// Decide returns the change that w makes to the state, or why it may not.
// Errors are those of [store.Writer], with the write's name in front.
func (s State) Decide(w Write) (Change, error) {
	current := s.keys.Get(w.Key)
	if err := w.allowed(current); err != nil {
		return Change{}, fmt.Errorf("%v %s: %w", w.Op, w.Key, err)
	}
	revision := s.Revision() + 1
	if w.Op == Delete {
		gone := &store.KeyValue{Key: w.Key, ModRevision: revision}
		return Change{Type: store.Delete, KV: gone, Prev: current}, nil
	}
	kv := &store.KeyValue{
		Key: w.Key, Value: w.Value, Expires: w.Expires,
		CreateRevision: revision, ModRevision: revision, Version: 1,
	}
	if current != nil {
		kv.CreateRevision, kv.Version = current.CreateRevision, current.Version+1
	}
	return Change{Type: store.Put, KV: kv, Prev: current}, nil
}

// allowed checks the conditions of w against the key as it is, nil if it is not.
func (w Write) allowed(current *store.KeyValue) error {
	switch {
	case w.Key == "":
		return errEmptyKey
	case w.Op == Create && current != nil:
		return &store.ConflictError{Reason: store.ErrExists, Current: *current}
	case w.Op == Create:
		return nil
	case current == nil:
		return store.ErrNotFound
	case w.IfRevision != 0 && w.IfRevision != current.ModRevision:
		return &store.ConflictError{Reason: store.ErrConflict, Current: *current}
	}
	return nil
}
