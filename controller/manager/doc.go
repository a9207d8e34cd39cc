// Package manager runs all controllers: what Kubernetes calls the
// kube-controller-manager.
//
//	Manager.Run ──▶ (leader election) ──▶ informers ─────▶ controllers, each with its queue
//	                                  └─▶ event recorder
//
// The controllers share one client and one set of informers, so each kind
// is watched once. Which controllers there are is one list, [Builtin] in
// builtin.go; an embedder leaves some out by name and adds others. With leader election,
// several managers can run and one works.
//
// Controllers do not know each other or the manager. Each can also run alone: call
// its New with a client and informers, run these, and run it.
//
// Reading order: builtin.go, manager.go.
package manager
