// Package typedtest keeps objects in memory, for tests of the parts of the API
// server that work on stored objects.
//
// Admission hooks, authorizers and token checks read and write objects through
// [apiserver.Objects]. In the server that is a cache over a store; here it is a
// map, which a test fills in one line:
//
//	objects := typedtest.New(pod, node)
//
// It keeps the rules that such parts rely on: names are unique, every write
// gives the object a new resource version, Modify applies a change to what is
// there now and again if somebody was faster, and what is handed out is shared
// and must not be changed. It knows no defaults, validation or admission: those
// are what is under test.
//
// In Kubernetes the tests of such plugins use client-go's fake clientset.
package typedtest
