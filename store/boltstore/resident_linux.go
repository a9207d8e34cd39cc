package boltstore

import (
	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// release tells the system that the pages of the file which have been looked at will
// not be needed soon. bbolt reads through a mapping of the file, so a compaction,
// which looks at nearly all of it, would make all of it count as the process's memory.
func (d *disk) release() {
	// A transaction keeps the mapping where it is. What the system answers is its own
	// business: it has been told.
	_ = d.db.View(func(tx *bolt.Tx) error {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, d.db.Info().Data, uintptr(tx.Size()), unix.MADV_DONTNEED)
		return nil
	})
}
