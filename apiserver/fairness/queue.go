package fairness

import (
	"hash/fnv"
	"slices"
)

// A waiter is a request in a queue.
type waiter struct {
	seats int
	in    *queue
	ready chan struct{} // closed when it has its seats
}

// A queue holds requests that wait, in order.
type queue struct {
	waiters []*waiter
	// start is the virtual time, counted in seats, at which its next request
	// may begin: the queue with the least has its turn.
	start float64
}

// seats are how many its requests wait for.
func (q *queue) seats() int {
	n := 0
	for _, w := range q.waiters {
		n += w.seats
	}
	return n
}

// queues are those of one level.
type queues struct {
	all     []*queue
	hand    int // how many queues a flow may use
	limit   int // requests in one queue
	virtual float64
	waiting int
}

// enqueue puts a request of a flow into the shortest queue of its hand, or returns
// nil if that is full.
func (q *queues) enqueue(flow string, seats int) *waiter {
	var shortest *queue
	for _, i := range deal(hash(flow), len(q.all), q.hand) {
		if candidate := q.all[i]; shortest == nil || candidate.seats() < shortest.seats() {
			shortest = candidate
		}
	}
	if shortest == nil || len(shortest.waiters) >= q.limit {
		return nil
	}
	if len(shortest.waiters) == 0 {
		shortest.start = max(shortest.start, q.virtual) // who was away has saved nothing
	}
	w := &waiter{seats: seats, in: shortest, ready: make(chan struct{})}
	shortest.waiters = append(shortest.waiters, w)
	q.waiting++
	return w
}

// next returns the request whose turn it is, or nil.
func (q *queues) next() *waiter {
	var turn *queue
	for _, candidate := range q.all {
		if len(candidate.waiters) > 0 && (turn == nil || candidate.start < turn.start) {
			turn = candidate
		}
	}
	if turn == nil {
		return nil
	}
	return turn.waiters[0]
}

// dispatch takes out the request whose turn it is.
func (q *queues) dispatch(w *waiter) {
	q.virtual = w.in.start
	w.in.start += float64(w.seats)
	q.remove(w)
}

// remove takes a request out.
func (q *queues) remove(w *waiter) {
	if i := slices.Index(w.in.waiters, w); i >= 0 {
		w.in.waiters = slices.Delete(w.in.waiters, i, i+1)
		q.waiting--
	}
}

func hash(flow string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(flow))
	return h.Sum64()
}

// deal returns a hand of different cards of a deck, 0 to size-1, that a hash
// decides: flows with different hashes have different hands, most likely.
func deal(hash uint64, size, hand int) []int {
	cards := make([]int, 0, hand)
	for i := range min(hand, size) {
		left := uint64(size - i)
		card := int(hash % left)
		hash /= left
		// The card is the card-th of those that are left.
		for _, taken := range slices.Sorted(slices.Values(cards)) {
			if taken <= card {
				card++
			}
		}
		cards = append(cards, card)
	}
	return cards
}
