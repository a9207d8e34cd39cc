// Package image keeps container images on the local disk and turns them into
// root filesystems.
//
// An image is a stack of layers (tar archives) and a configuration that says
// how to run what is in them. The formats are the OCI image specification's,
// so a store can be filled from any registry, from an archive that docker or
// another tool saved, or by [BuildGo], which packs a Go program without any
// of those.
//
//	Pull ──┐                       ┌─ index.json         names → manifests
//	Load ──┼─► Store ─► root dir ──┼─ blobs/sha256/…     manifests, configs, layers as they came
//	Add  ──┘                       ├─ layers/…           each layer unpacked once
//	                               └─ leases/…           who still uses which layers
//
//	Get("demo:v1") ─► Image ─► Unpack ─► directories, lowest first ─► overlayfs
//
// # The directory
//
// The root directory is an OCI image layout: index.json and blobs/ can be read
// by any tool that knows that layout. A blob is a file named by the SHA-256 of
// its bytes and is checked against it while it is written. Layers are unpacked
// below layers/, named by their diff ID (the SHA-256 of the uncompressed tar),
// so images that share a layer share the directory. overlayfs stacks them; a
// file that an upper layer deletes is marked there in overlayfs' own way (a
// character device 0:0, or the attribute trusted.overlay.opaque).
//
// Several processes may use one directory at the same time: each change of the
// index is one rename under a file lock, and an unpacked layer appears by one
// rename. Nothing is cached that could go stale.
//
// # Names
//
// Names are normalised as docker and the kubelet do it: demo:v1 and
// docker.io/library/demo:v1 are the same image. [Store.Get] also takes a
// digest (repo@sha256:…) and an image ID, which is the digest of the image's
// configuration.
//
// # Trust
//
// An image is somebody else's program and its archives are hostile until shown
// otherwise. Unpacking never leaves its directory (os.Root guards every call,
// and links are resolved as if the directory were "/"), refuses names with
// "..", leaves out device nodes, ignores attributes that would speak to
// overlayfs, and stops at the [Limits]. A layer whose bytes do not have the
// promised digest is thrown away. Registries are spoken to over TLS; plain HTTP
// only on the loopback address and to hosts named in [Options].
//
// # In Kubernetes
//
// containerd splits this into a content store, a metadata database, snapshotters
// and an unpacker, with garbage collection over all of them. Here a directory, an
// index file and leases do. containerd names unpacked layers by the chain of
// everything below; we name them by the layer alone, which is simpler and shares
// more, because overlayfs joins them at mount time.
//
// # Reading order
//
// image.go (the value), store.go, index.go, name.go; then pull.go and load.go
// (how images come in), unpack.go and extract.go (how they become directories),
// lease.go and remove.go (how they go); build.go; service.go (the image half of
// CRI).
package image
