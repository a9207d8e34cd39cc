// Package volume puts the volumes of pods in place on a node, keeps them up to
// date, and takes them away.
//
//	<dir>/<pod uid>/volumes/<volume>/
//	                          key      ─▶ ..data/key
//	                          ..data   ─▶ ..2026_01_02_...    (swapped at once)
//	                          ..2026_01_02_.../key
//
// Each type of volume is a small file of one shape. Those made from objects
// (configMap, secret, downwardAPI, projected) work out their files as a value,
// a [Payload], which [WriteAtomic] writes: whoever reads through the links sees
// either all of the old content or all of the new. The others (emptyDir,
// hostPath, persistentVolumeClaim) are a folder to mount.
//
// A [Manager] works on one pod at a time: its methods may be called
// concurrently for different pods. It starts no goroutine: its owner calls
// [Manager.Refresh] when an object changed, or when the time it returned has come.
//
// # In Kubernetes
//
// The volume manager with its desired and actual state of the world, the
// in-tree plug-ins and the atomic writer do this. Secrets and tokens are kept
// on a tmpfs there; ours are files below a folder that root alone can enter.
// Types that are not in the list above are refused, as is a huge page medium;
// emptyDir's sizeLimit limits memory-backed ones only.
//
// # Reading order
//
// volume.go, atomic.go, configmap.go, projected.go, token.go, hostpath.go, mounts.go.
package volume
