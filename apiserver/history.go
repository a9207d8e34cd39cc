package apiserver

import "sync"

// historyMarks is how many revisions a history remembers, spread evenly over the
// bytes that it may have.
const historyMarks = 8

// A history knows how much of the store is of the past: values that another has
// taken the place of. A store that keeps them in memory would otherwise hold as
// much of it as can be written in ten minutes. It is safe for concurrent use.
type history struct {
	limit int64      // bytes; zero is none
	full  chan int64 // the revision up to which to forget, when there is too much

	mu        sync.Mutex // guards the fields below
	written   int64      // bytes ever
	forgotten int64      // of these
	marks     []mark     // oldest first
}

// A mark says how much had become history at a revision.
type mark struct{ revision, written int64 }

func newHistory() *history { return &history{full: make(chan int64, 1)} }

// grow notes that a write has made bytes of the past.
func (h *history) grow(revision int64, bytes int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.written += int64(bytes)
	if h.limit == 0 {
		return
	}
	if h.written-h.lastLocked() >= h.limit/historyMarks {
		h.marks = append(h.marks, mark{revision, h.written})
	}
	if h.written-h.forgotten <= h.limit {
		return
	}
	// Half of it goes, so that this does not come again at once.
	for len(h.marks) > 1 && h.written-h.marks[0].written > h.limit/2 {
		h.marks = h.marks[1:]
	}
	select {
	case h.full <- h.marks[0].revision:
		h.forgotten = h.marks[0].written
	default: // the last time is not over
	}
}

func (h *history) lastLocked() int64 {
	if len(h.marks) == 0 {
		return h.forgotten
	}
	return h.marks[len(h.marks)-1].written
}

// forget notes that the store has forgotten what was before a revision.
func (h *history) forget(revision int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.marks) > 0 && h.marks[0].revision <= revision {
		h.forgotten = max(h.forgotten, h.marks[0].written)
		h.marks = h.marks[1:]
	}
}
