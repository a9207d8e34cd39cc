// Package runtime is the contract between a kubelet and what runs containers: the
// Container Runtime Interface (CRI), and a way to stream in process.
//
//	kubelet ──► Service ──► images, pod sandboxes, containers
//	        └─► Streamer ─► exec, attach, port-forward
//
// # The contract
//
// A [Service] is the two gRPC services of CRI as Go interfaces. A caller in the
// same process calls its methods; package criserver serves them over a socket and
// makes a Service out of a socket, so that containerd can stand under our kubelet
// and our runtime under any other. CRI answers exec and its kin with a URL; a
// [Streamer] carries the bytes themselves. A [Runtime] is both.
//
// # The life of a pod
//
// Order matters, and a runtime refuses what is out of it:
//
//	PullImage        the image is in the store
//	RunPodSandbox    what the pod's containers share exists: READY, with addresses
//	CreateContainer  the container exists: CREATED; nothing runs
//	StartContainer   its process runs: RUNNING, until it ends: EXITED
//	StopContainer    asked to end, and killed after the grace period
//	RemoveContainer  forgotten, except for its log
//	StopPodSandbox   whatever still runs is killed; NOTREADY, no addresses
//	RemovePodSandbox nothing is left
//
// A container is started once. To restart is to create another one with the next
// attempt's number; the old one stays to tell how it ended, until it is removed.
// Stopping and removing can be repeated, also for what is gone.
//
// # Homes
//
// Package runc runs real containers on Linux. In package goroutine a container is
// a Go function, for tests and for machines without root. Package runtimetest
// grades them all, and package image holds the images of those that have files.
//
// # In Kubernetes
//
// The interface is the real one, from k8s.io/cri-api. containerd and CRI-O
// implement it behind a unix socket; a kubelet has no other way to run anything.
//
// # Reading order
//
// runtime.go, errors.go; runtimetest's list of rules; then a home.
package runtime
