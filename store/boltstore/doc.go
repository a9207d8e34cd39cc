// Package boltstore keeps a store in one file on one machine. A write returns
// when it is on disk, and not before; what was acknowledged is there after a
// crash, a kill -9 or a power cut.
//
// # Two halves
//
//	writers                                      readers, watchers
//	   |  requests                                      |
//	   v                                                v
//	+--------------+   append, fsync  +---------+   +--------------+
//	| one goroutine| ---------------> | journal |   | history.Feed |
//	|  of the store|                  +---------+   |  (in memory) |
//	+--------------+ --- then publish ------------> +--------------+
//	                                       | now and then
//	                                  +---------+
//	                                  |  file   |
//	                                  +---------+
//
// The disk is for not forgetting, the memory is for answering. Reads and watches
// are served from memory as in memstore, by the same code. The file is read once,
// in [Open].
//
// # One fsync for many
//
// An fsync takes as long for one write as for a hundred. So while one is under
// way, requests line up, and the next batch is all of them: each is decided
// against the state that the one before it would leave, their changes go to disk
// in one write, and only then is the new state published and every writer
// told. Nobody ever sees a change that could still be lost; not a reader, not a
// watcher, not a writer whose update conflicts with it. This is called group
// commit. It needs no timer: a lone writer waits for nobody.
//
// # The journal
//
// A commit of the file takes two fsyncs and rewrites pages all over it. So changes go
// first to the end of a log (store/internal/wal), which takes one fsync in one place,
// and from there into the file some thousands at a time, by another goroutine. There
// are two logs, which take turns; see journal. Open reads the file and then what
// the logs have beyond it. After Close the file is all there is; while the store is
// open, and after a crash, the three files belong together.
//
// # The file
//
// The file is a bbolt database, which gives all-or-nothing transactions, with
// three buckets:
//
//	meta  "compacted" -> revision of the last compaction
//	      "id"        -> what the checksums of its journal begin with
//	keys  key         -> record: the keys as they were at that revision
//	log   revision    -> record: every change since, without a gap
//
// Open loads the keys and replays the log, so history outlives the process:
// reads at old revisions and watches go on where they were. Every record has a
// checksum (store/internal/record), and the log must add up. A file that does not
// is refused with [ErrCorrupt] rather than half believed.
//
// # When the disk fails
//
// A full disk fails the writes that did not fit with [ErrFull]; nothing else is
// lost, reads go on, and writes work again when there is room. If there is room for
// the journal but none to make the file grow, writes fail when the journal has had
// its few megabytes. After any other error of a commit nobody can know what is on disk (a failed fsync drops pages:
// see "Can Applications Recover from fsync Failures?", USENIX ATC 2020). The
// store then refuses writes with [ErrFailed], still serves reads, and must be
// opened again.
//
// # Compaction
//
// Compact drops the past from memory at once and then moves it in small
// transactions from the log to the keys on disk. When half of the file is unused
// afterwards, the file is written anew and the space goes back to the disk.
//
// # In etcd
//
// etcd agrees on each write in a Raft log, one fsync per batch as well, and keeps
// its state in the same bbolt, committed ten times a second. It gives up
// (panics) when an fsync fails. Space comes back by "etcdctl defrag" only.
//
// # Reading order
//
// boltstore.go, commit.go, journal.go, replay.go, disk.go, compact.go, snapshot.go,
// status.go.
package boltstore
