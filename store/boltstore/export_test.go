package boltstore

import (
	"os"

	"github.com/coracle-k8s/coracle/store/internal/wal"
)

// A LogFile is what a side of the journal writes to.
type LogFile = wal.File

// OpenLog opens the files of the journal as a store does without OnFiles.
var OpenLog = openLog

// OnFiles returns the options with other files for the journal.
func (o Options) OnFiles(open func(path string, flag int, mode os.FileMode) (LogFile, error)) Options {
	o.openLog = open
	return o
}
