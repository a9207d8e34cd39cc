package wal

import (
	"os"
	"syscall"
)

// Sync flushes the data, and of the metadata what is needed to read it: the length
// when it grew, but not the time of the change. See fdatasync(2).
func (f osFile) Sync() error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
