//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package boltstore

import "os"

// unlock does nothing: closing the file does it.
func unlock(*os.File) error { return nil }
