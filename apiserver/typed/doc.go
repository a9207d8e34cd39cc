// Package typed reads and writes the stored objects of the built-in kinds
// without type assertions.
//
// The parts of the API server that act on their own account (admission hooks,
// authorizers, token checks) get the stored objects as [apiserver.Objects], which
// knows objects of every kind and therefore of none in particular. Here the Go
// type of the wanted object says which kind is meant:
//
//	pod, err := typed.Get[*corev1.Pod](ctx, objects, "default", "web-0")
//
// The rules of apiserver.Objects hold: what Get and List return is shared and
// must not be changed. A type that is not a built-in kind is a mistake of the
// programmer and panics.
//
// Package typedtest has an apiserver.Objects in memory to test such parts with.
//
// # In Kubernetes
//
// The parts of kube-apiserver use client-go's typed clients and listers over a
// loopback connection to the server itself.
package typed
