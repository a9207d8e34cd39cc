//go:build linux

// Package bundle translates what CRI asks of a container into what runc reads:
// the config.json of the OCI runtime specification.
//
// [Spec] is a function without side effects from an [Input] to a [specs.Spec],
// but for looking at the host's devices and mounts when a container asks for
// them. Nothing that is asked for is left out in silence: what cannot be done
// gives an [ErrUnsupported], what makes no sense an [ErrInvalid].
//
//	CRI request ──┐
//	pod's files ──┼─► Input ─► Spec ─► config.json ─► runc
//	image config ─┘
//
// In Kubernetes this is spread over the kubelet, which turns a PodSpec into a CRI
// request, and the runtime's spec options (containerd has some eighty of them).
// The defaults that are not in any standard (capabilities, masked paths, the
// filter of system calls) are here in full.
//
// Reading order: spec.go, process.go, user.go, capabilities.go, mounts.go,
// resources.go, devices.go, security.go.
package bundle
