// Package clustertest starts a whole Kubernetes cluster inside a Go test.
//
//	func TestOperator(t *testing.T) {
//		t.Parallel()
//		synctest.Test(t, func(t *testing.T) { // optional: virtual time
//			c := clustertest.New(t)
//			c.Apply(manifests)
//			c.WaitFor("three ready pods", func() bool { ... })
//			c.StopNode("node-1")
//			time.Sleep(6 * time.Minute)       // no time at all in a bubble
//			...
//		})
//	}
//
// It is the real thing, made of the same parts as `coracle up`: API server with
// admission and RBAC, all controllers, the scheduler, kubelets, Service proxy and
// DNS. What differs is what is at the edges: the objects are in memory, and
// containers are Go functions on an in-memory network (see package
// runtime/goroutine). Nothing is downloaded, no port is opened, no root is needed,
// and it takes some milliseconds.
//
//	test ──Client, Apply──▶ API server ◀── controllers, scheduler
//	 │                        ▲
//	 │                        └── kubelets ──▶ your functions as containers
//	 └──HTTP, Dial──▶ pod network: Service names, ClusterIPs, pod addresses ──▶
//
// # What a container runs
//
// A function that [WithImage] or [Cluster.RegisterImage] put under the image's
// name. Images without one run and do nothing until they are stopped, so
// manifests work as they are. A cluster's Services and pods are reached through
// [Cluster.HTTP] and [Cluster.Dial].
//
// # Virtual time
//
// In a testing/synctest bubble time passes when everybody waits: sleeping for an
// hour takes as long as what the cluster does in that hour. Outside of bubbles a
// cluster lives by the wall clock, which is what a program over a socket needs:
// see [WithKubeconfig] for client-go, controller-runtime and kubectl.
//
// # Cleaning up
//
// New ends the cluster when the test ends and waits for all of it: no goroutine,
// file or socket stays. A part that ends by itself fails the test. Clusters share
// nothing, so tests run in parallel, each with its own.
//
// # In Kubernetes
//
// envtest starts the kube-apiserver and etcd programs, without controllers,
// scheduler or nodes: Deployments make no pods there, namespaces never go away.
// kind and k3d start all of it, in Docker, in a minute or so.
//
// Reading order: clustertest.go, options.go, apply.go, wait.go, network.go,
// exec.go.
package clustertest
