package boltstore

import (
	"errors"
	"runtime"
	"strings"
	"syscall"

	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/coracle-k8s/coracle/store/internal/history"
)

var (
	// ErrLocked: another process has the file open, or another Store in this one.
	ErrLocked = errors.New("data file is in use by another process")
	// ErrCorrupt: the file is not a store, or it was damaged. Nothing was
	// changed in it.
	ErrCorrupt = errors.New("data file is corrupt")
	// ErrFull: there is no room on the disk, or below [Options.MaxSize]. The
	// write did not happen.
	ErrFull = errors.New("no space left for the data file")
	// ErrSnapshot: the file is not a snapshot, or not a whole one.
	ErrSnapshot = history.ErrSnapshot
	// ErrFailed: an earlier write failed in a way that leaves unknown what is
	// on disk. Reads go on; open the store again to write.
	ErrFailed = errors.New("data file failed, no more writes until it is opened again")
)

// isFull reports whether err says that there is no room.
func isFull(err error) bool {
	const windowsDiskFull = syscall.Errno(112) // ERROR_DISK_FULL
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) ||
		errors.Is(err, bolterrors.ErrMaxSizeReached) ||
		// bbolt keeps the text only of what it met when it made the file longer.
		err != nil && strings.HasPrefix(err.Error(), "file resize error") ||
		runtime.GOOS == "windows" && errors.Is(err, windowsDiskFull)
}

// isDamage reports whether an error of bbolt is about what it read, not about
// reading. It has several that are a text and no more ("file size too small").
func isDamage(err error) bool {
	_, fromSystem := errors.AsType[syscall.Errno](err)
	return err != nil && !fromSystem
}
