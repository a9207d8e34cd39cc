package wal

import "os"

// FileOf returns an open file as one for a log.
func FileOf(f *os.File) File { return osFile{f} }

// An osFile is an os.File whose Sync is as cheap as the system has it.
type osFile struct{ *os.File }
