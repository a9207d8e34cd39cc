// Package wal is a write-ahead log: a file to which batches of bytes are appended,
// each of them on disk, whole, when Append returns. It is the quick half of
// boltstore: one write and one fsync, in one place, whatever is in the batch.
//
// # The file
//
//	0        512      1024     1536     2048     2560
//	| batch at 7      | batch at 9 ...  | batch at 12 | what was here before...
//	| head + payload 0|                 |           00|
//
// A batch is a head and a payload, and starts at a multiple of 512 bytes, the size
// of a disk's sector: no write ever touches a sector with bytes that were
// acknowledged. The head is
//
//	4 bytes  CRC-32C of the rest and the payload, begun with the log's ID
//	4 bytes  length of the payload
//	8 bytes  number of the batch
//
// all big endian. Numbers rise; here they are the revision of the batch's first
// change. [Log.Rewind] starts again at the front, over what was there: a file that
// need not grow is the quickest to sync. There is no header to update and no mark of
// the end: the log ends where the next batch is not whole or has a lower number.
//
// # After a crash
//
// One batch at a time is under way, so a crash can tear the last one only. Torn, it
// fails its checksum, and the log ends before it; nobody was told that it was
// written. If a whole batch with a higher number is found behind a broken one, then
// it was no crash but a disk that lost what it had, and Open says [ErrCorrupt]. The ID
// keeps batches of other logs, and values that look like batches, from being taken for
// one.
//
// # In etcd
//
// etcd's wal package does the same for Raft entries: it preallocates files of 64 MB,
// chains the checksums and pads to 8 bytes. SQLite's WAL starts again at the front as
// here, with a salt in its header (https://sqlite.org/fileformat2.html#the_write_ahead_log).
//
// # Reading order
//
// wal.go, read.go.
package wal
