//go:build !unix

package boltstore

import "os"

// unlock does nothing: closing the file does it.
func unlock(*os.File) error { return nil }
