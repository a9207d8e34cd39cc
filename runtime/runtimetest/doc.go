// Package runtimetest is the kit that grades container runtimes: one call runs
// every case, and each case says in words which rule of the CRI it protects.
//
//	func TestRuntime(t *testing.T) {
//		runtimetest.Run(t, func(t *testing.T) runtimetest.Target {
//			rt := myruntime.New(...)
//			t.Cleanup(func() { rt.Close() })
//			return runtimetest.Target{
//				Runtime:  rt,
//				Image:    "guest:latest",
//				Commands: runtimetest.GuestCommands("/guest"),
//			}
//		})
//	}
//
// # What a target brings
//
// A [Target] is a runtime with one image that can be pulled, and the command
// lines that do, in that image, the few things the cases need: sleep until
// SIGTERM, ignore SIGTERM, exit with a code, print, copy standard input, serve
// a port. The program in the guest folder does all of them when it is built
// without cgo and packed into an image; [GuestCommands] are its command lines.
// Each case gets a target of its own, and removes the pods it made.
//
// What a runtime cannot do it declares in [Options]; a case is skipped for what
// is declared, never for what an error says.
//
// # Time
//
// Cases wait for states, not for time, so they are as fast as the runtime, and
// run in a testing/synctest bubble too.
//
// # In Kubernetes
//
// The same is done by critest of the cri-tools project, which needs images from
// a registry and a socket. This kit also grades a runtime that is called in
// process, and streams (exec, attach, port-forward) through the
// [runtime.Streamer] that package criserver makes for remote ones.
//
// # Reading order
//
// runtimetest.go (the list of rules), kit.go, then any of the cases.
package runtimetest
