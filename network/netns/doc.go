// Package netns creates network namespaces and does things inside them.
//
// A network namespace is a network stack of its own: links, addresses, routes,
// firewall and sockets. The kernel frees one when nobody holds it any more, so
// a namespace that must outlive the process is held by bind-mounting it on a
// file, as `ip netns add` does:
//
//	/proc/self/ns/net  --bind mount-->  <dir>/node-1
//
// A namespace belongs to a thread, not to a process. [Do] therefore locks its
// goroutine to a thread, moves that thread, calls the function, and moves it
// back. Two facts make this more useful than it looks: a socket stays for ever
// in the namespace it was created in, so a listener made inside [Do] serves from
// an ordinary goroutine outside it; and a child process starts in the namespace
// of the thread that forked it, so a command run inside Do sees that network.
//
// What does not work is a function that starts goroutines and relies on their
// being inside too: they are not.
//
// In Kubernetes the container runtime does this for the sandbox of each pod.
// Here nodes are namespaces as well, so that three machines fit in one.
//
// Everything is safe for concurrent use. All of it needs Linux and root.
package netns
