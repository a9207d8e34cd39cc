// Package runc runs containers with runc, behind the Container Runtime Interface:
// the real home of [runtime.Runtime], on Linux as root.
//
// It is all that lies between a kubelet and the kernel:
//
//	kubelet ──CRI──► Runtime ──► sandbox: namespaces, cgroup, network
//	                    │
//	                    ├──────► container: layers + overlayfs + config.json
//	                    │
//	                    └─start─► shim ──runc run──► process
//	                               │  ▲                │
//	                               │  └─ stdout/stderr─┘
//	                               ├─► log file
//	                               └─► exit.json
//
// # A pod sandbox
//
// A pod is namespaces that its containers share: network, IPC and hostname. The
// kernel keeps a namespace while a process is in it or a mount holds it; we hold
// them by mounts, so a pod needs no "pause" image and no process. The exception is
// a shared process namespace, which ends with its first process: then a tiny
// holder is that process, the running program under another name. With the
// namespaces come /dev/shm, resolv.conf, a cgroup that all containers of the pod
// are below, and the pod's addresses from a [Network].
//
// # A container
//
// Creating one mounts the image's layers (package image) with a writable directory
// on top, and translates the request into the config.json of the OCI runtime
// specification. Starting it starts a shim, which runs "runc run --detach" and
// becomes the container's parent. The shim keeps the output, writes the log in the
// kubelet's format, and notes how the container ended. It is the running program
// again, hence [ShimMain].
//
// # When the runtime dies
//
// Containers do not notice. Everything that is known is in two directories:
//
//	Root   sandboxes/ID, containers/ID    what was asked for, and the files written
//	State  sandboxes/ID/ns, shm           mounts, gone after a reboot
//	       containers/ID                  the shim's socket, pid and exit.json
//	       runc                           runc's own
//
// A new [New] on them finds sandboxes and containers running, and the exit codes
// of those that ended meanwhile. [Purge] removes the lot instead. A lock on Root
// keeps two runtimes from sharing it.
//
// # Trust
//
// Images are hostile (see package image) and requests come from a kubelet that
// passes on what users wrote. Paths inside a container are never resolved on the
// host by name alone: accounts are read through os.Root, mount points are runc's to
// keep below the root filesystem. Log paths and cgroup parents that climb, sysctls
// of the whole machine, unknown capabilities and the like are refused. So is what
// this runtime cannot do: user namespaces, CDI devices, checkpoints, systemd
// cgroups ("….slice"), seccomp with a runc that was built without it.
//
// # In Kubernetes
//
// containerd and CRI-O do this. They run a pause container for each pod, keep a
// shim (containerd-shim-runc-v2, conmon) that is a program of its own, store
// metadata in a database, and know more runtimes than one. containerd shows an
// image's layers through snapshotters of several kinds; here it is overlayfs.
//
// # Reading order
//
// config.go and network.go (what it needs), sandbox.go and namespaces.go, then
// container.go, watch.go, containerstop.go; internal/shim and internal/bundle;
// exec.go and stream.go; recover.go and purge.go.
package runc
