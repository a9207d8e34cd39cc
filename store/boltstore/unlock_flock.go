//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package boltstore

import (
	"os"
	"syscall"
)

// unlock lets go of the lock that bbolt took. Closing the file is not enough: a
// bbolt that panicked has it mapped into memory still, and the lock belongs to
// the open file that both share.
func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
