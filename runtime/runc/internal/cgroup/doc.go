//go:build linux

// Package cgroup reads and tidies the kernel's control groups, version 1 and 2,
// as far as the runtime has to: runc makes the containers' groups and sets their
// limits; the pod's group above them, the figures, and the sweeping up are ours.
//
// A group has one path, such as /coracle/pod1. With version 2 that is one
// directory below /sys/fs/cgroup. With version 1 it is one directory in each
// controller's hierarchy, and a hierarchy of version 2 may stand beside them for
// its process tracking alone ("hybrid").
//
//	version 2   /sys/fs/cgroup/coracle/pod1/{cpu.stat, memory.current, …}
//	version 1   /sys/fs/cgroup/cpuacct/coracle/pod1/cpuacct.usage
//	            /sys/fs/cgroup/memory/coracle/pod1/memory.usage_in_bytes
//	            …
//
// In Kubernetes the kubelet makes the groups of pods and runtimes those of
// containers; both use libcontainer's code, and cAdvisor reads the figures.
//
// Sources: Linux, Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
package cgroup
