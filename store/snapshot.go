package store

import "io"

// A Snapshotter is a [Store] that can be written to a file while it runs.
type Snapshotter interface {
	// Snapshot writes all that the store holds at this moment to w. What it
	// writes is a multiple of 512 bytes and then the SHA-256 of them, as in
	// etcd; the rest of the format is the store's own. Safe for concurrent use.
	Snapshot(w io.Writer) error
}

// A Sizer is a [Store] that takes room on a disk.
type Sizer interface {
	// Size returns how much, in bytes.
	Size() (int64, error)
}
