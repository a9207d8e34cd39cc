//go:build !linux

package boltstore_test

// faults needs Linux: a mount namespace, and limits of its kind.
var faults map[string]func(path string) error
