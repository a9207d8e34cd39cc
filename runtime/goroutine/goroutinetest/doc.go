// Package goroutinetest opens goroutine runtimes for the kit of package
// runtimetest: for the runtime itself, and for what stands in front of it, such
// as package criserver.
//
// The kit needs an image with a program of which it knows what it does: sleep,
// ignore being asked to stop, echo, exit with a code, print, serve a port.
// Package runtimetest has it as a program for runtimes with processes; [Guest]
// is the same as a Go function.
//
//	runtimetest.Run(t, goroutinetest.Target)
//
// It is a package, and not part of a test, because two packages' tests need it.
// What it opens is closed with the test.
package goroutinetest
