// Package client talks to a Kubernetes API server, ours or any other.
//
//	For[*corev1.Pod](c) ─▶ Kind ──get, list, create, update, patch, delete──▶ request ─┐
//	                        │ Watch ──▶ Next                                          │ retry, errors
//	NewInformer[T](c) ──▶ list + watch ──▶ cache, indexes, OnChange                    ▼
//	                                                              http.RoundTripper: InMemory, TCP + TLS
//
// # Kinds
//
// [For] gives a typed client for a Go type, [Metadata] and [Dynamic] clients for
// kinds that the program has no type for, as [Client.Discover] finds them. All are the same
// [Kind], so what is true of one is true of all. Built-in kinds travel as
// protobuf, all others as JSON.
//
// # Errors
//
// What the server refuses is an *apierrors.StatusError of k8s.io/apimachinery: ask with
// apierrors.IsNotFound, IsConflict and so on. What does not reach the server, or
// breaks off, satisfies errors.Is(err, [ErrNoServer]). When a context ends, its error
// comes first. A request that may be repeated without harm (GET, PUT,
// DELETE) is, when the server says 429 or 503 and when to come back. There are no time
// limits but the context's.
//
// # Watching
//
// A [Watch] is the server's stream as it is: it ends, and then somebody must resume or
// list again. An [Informer] does that. It keeps a cache equal to the server's state,
// a little later, and tells handlers a story that has no gaps. Programs that
// watch several kinds share informers in an [Informers] set.
//
// # In memory
//
// [InMemory] calls the handler of a server in this process instead of a socket, with the same
// code on both sides: requests, streams, upgraded connections. It blocks on channels alone, so
// a whole cluster runs in a testing/synctest bubble, in virtual time.
// Package client/faulty breaks any transport on purpose; package client/clienttest
// grades servers and transports by what this client relies on.
//
// # In Kubernetes
//
// This is the part of client-go that controllers need, with generics in place of
// generated code. Left out: client-side rate limits, credential plugins, apply
// configurations, and shared informers restricted to a namespace (make your own
// [Informer] for that). client-go works against our server, too; this one is here
// because it can be read.
//
// Reading order: client.go, request.go, kind.go, form.go, delete.go, modify.go; watch.go,
// frames.go; index.go, informer.go, follow.go, informers.go; inmemory.go, pipe.go,
// hijack.go; then discover.go, kubeconfig.go, recorder.go, lead.go.
package client
