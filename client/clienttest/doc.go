// Package clienttest grades a server and the transport to it by what package
// client relies on. One call runs every case:
//
//	clienttest.Run(t, func(t *testing.T) *client.Client { … })
//
// Each case gets a client of its own from the function and makes its own objects, in a
// namespace that it creates; so the server may be shared, and may hold other
// things. The server must serve namespaces, config maps and pods, allow
// everything, and run no controllers that write to these.
//
// The same kit holds for a transport in memory, over TCP, and one that injects delays: a
// client must not be able to tell them apart.
//
// Reading order: clienttest.go lists the cases, each with the rule it protects.
package clienttest
