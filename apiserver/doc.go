// Package apiserver answers the Kubernetes REST API over a store: the one place
// where all parts of a cluster meet.
//
// There is one path for every kind. What is particular to a kind stands in its
// [api.Resource], as data and rules; the code here knows no kind. A request goes
// through it in one line:
//
//	         ┌ ServeHTTP (server.go) ───────────────────────────────────────────┐
//	request ─┤ parse ─> authenticate ─> authorize ─> dispatch to a verb:        │
//	         │                                                                  │
//	         │  get, list   cache ──────────────────────────────────┐           │
//	         │  watch       cache ── events, encoded once for all ──┤           │
//	         │  create      decode ─> admit ─> store ───────────────┼─> encode ─┼─> answer
//	         │  update,     store ─> decode or patch ─> admit ──────┤           │
//	         │   patch         └──── again if somebody was faster <─┤           │
//	         │  delete      store ─> admit ─> mark or remove ───────┘           │
//	         └──────────────────────────────────────────────────────────────────┘
//
//	admit = default ─> track fields ─> hooks mutate ─> default ─> prepare ─> validate ─> hooks validate
//
// What no authenticator knows is 401, what no authorizer allows is 403. Every
// error reaches the client as a Status with a reason it can act on.
//
// # The cache
//
// A [Storage] follows its store with a single watch and keeps the objects of
// every kind that somebody has read: as they are stored, and decoded for as long as
// somebody looks at them (entry.go). Reads and watches cost the store nothing
// but the question how far it is: a read learns the store's revision, waits
// until the cache has applied it, and is thereby as consistent as one from the
// store itself (KEP-2340). Objects in the cache are shared and never changed.
//
// A watch begins with the state (as one ADDED for each object) or after a
// revision. Recent events are kept in a window; older ones are read from the store's
// history as long as that is kept; what is older still gets an ERROR event with
// code 410, upon which a client lists again. Each watcher has a queue of
// its own with room for 4096 events. One that lets it fill is ended, so a slow client never
// holds up a writer.
//
// # Writes
//
// A write reads the newest state from the store, makes the next one, and stores
// it on condition that nobody wrote in between; otherwise it starts again
// with what is there now. A client that names a resourceVersion means just
// that state and gets a 409 instead. A write that changes nothing is not
// stored, so it raises no revision and no event.
//
// With every write the server notes who manages which field, and an apply
// (apply.go) is merged by that; package apply tells how.
//
// The status, the scale and the finalizers of a namespace are views of an object
// (view.go): paths that show a part of it and change no other.
//
// # Parts
//
// Who a user is, what users may do and what objects must look like are decided
// by the [Authenticator]s, [Authorizer] and [Hook]s given to [New]; what is remembered of
// them, by its [Auditor] (trail.go collects it on the way); what streams
// into pods, by its [Connector]s. Packages auth, admission and connect have
// those of a real cluster. They read objects through [Objects], which comes from
// the Storage and so exists before the server does.
//
// # Concurrency
//
// A server starts nothing until [Server.Run] is called and leaves nothing
// running after that returns. It starts no goroutine for a request, and takes the
// time from package time only, so it works in a testing/synctest bubble, called
// in memory. No lock is held while a client is written to.
//
// # In Kubernetes
//
// kube-apiserver is three servers in a chain (aggregator, core, extensions); its
// storage decodes into internal versions of each type and converts between them; its
// registry has a strategy type for each kind; its cacher is one for each kind
// with a watch of its own.
//
// # Reading order
//
// contract.go, contract_admission.go, server.go, request.go, then the verbs (get.go, list.go, create.go,
// update.go with view.go, patch.go, apply.go with managedfields.go, delete.go), storage.go, and the cache: cache.go, entry.go,
// collection.go, watcher.go, replay.go, watch.go. The stories in testdata show
// requests and their answers.
package apiserver
