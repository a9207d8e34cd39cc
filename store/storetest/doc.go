// Package storetest grades a store. Give it a function that opens an empty one,
// and it runs every case that [store.Store] promises:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { return mystore.New() }, storetest.Options{})
//	}
//
// Each case has the rule that it protects, in words; when a case fails, the rule
// is printed with it. What a store cannot do is said in [Options]; nothing is
// guessed from names, and nothing is skipped in silence.
//
// Three cases do not check single answers but many at once:
//
//   - a model: random operations, compared with a simple store that keeps a map
//     for every revision. The seed is printed and can be replayed.
//   - linearizability: clients race on a few keys, and porcupine looks for an
//     order of their operations that explains all answers. See "Linearizability:
//     A Correctness Condition for Concurrent Objects", Herlihy and Wing, 1990.
//   - list and watch: while writers write, a reader that lists and then watches
//     must end up with what the store holds.
//
// [Check] does the same outside go test.
//
// # In etcd
//
// etcd's robustness tests do this to whole clusters, with faults: porcupine for
// the answers, a replay of the history for the watches.
//
// # Reading order
//
// storetest.go (the list of the cases), env.go, writes.go, reads.go, watch.go,
// compact.go, ttl.go, lifecycle.go, linearizable.go, model.go.
package storetest
