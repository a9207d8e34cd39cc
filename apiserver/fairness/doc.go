// Package fairness decides which requests are served now, which wait, and which are
// sent away, so that a flood of some leaves the rest of the cluster working
// (API Priority and Fairness, KEP-1040).
//
//	request ── classify ──> FlowSchema ──> PriorityLevelConfiguration
//	                        of the first       │
//	                        that matches       ├─ exempt: at once
//	                                           ├─ a seat is free: at once
//	                                           ├─ all are taken: wait in a queue, or 429
//	                                           └─ the queue is full: 429
//
// # Seats
//
// The server has a number of seats: how many requests it serves at a time. Levels
// share them by their nominalConcurrencyShares. A level lends what it does not use,
// up to its lendablePercent, and may borrow up to its borrowingLimitPercent; what
// it does not lend is there for it whatever others do. A request takes one seat, a
// list of many objects up to ten. A watch has one only until it has sent the state
// it begins with.
//
// # Queues
//
// A level's requests that wait are of flows: of one user, or one namespace, as the
// FlowSchema has it. A flow is dealt a hand of the level's queues by its hash, and
// its requests go to the shortest of these, so that one flow, however large, cannot
// fill them all (shuffle sharding); the queues take turns by the seats they
// have had (start-time fair queuing). A request waits for a quarter of its time at
// most.
//
// # Concurrency
//
// A request waits on a channel in its own goroutine. One mutex guards the seats and
// the queues, and is never held while anybody waits. Classification takes no lock.
// [Limiter.Run] follows the configuration.
//
// # In Kubernetes
//
// There, what a level may borrow is worked out anew every ten seconds from what was
// used before; here it is whatever is free at the moment. There, queues take turns
// by the time that their requests have taken, here by their seats; and a write is
// charged for the watchers it will wake.
//
// # Reading order
//
// classify.go (which level), share.go (how many seats), queue.go (whose turn),
// limiter.go, follow.go.
package fairness
