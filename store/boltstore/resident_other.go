//go:build !linux

package boltstore

// release does nothing: other systems see to it, or cannot be told.
func (d *disk) release() {}
