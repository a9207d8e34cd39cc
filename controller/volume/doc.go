// Package volume brings storage claims and volumes together.
//
//	PersistentVolumeClaim ─▶ match ─▶ a volume that is there ──┐
//	 "10 GiB, one writer"      │                               ├▶ bound to each other
//	                           └▶ none: Provisioner makes one ─┘
//	claim deleted ─▶ volume released ─▶ reclaimed: deleted with its data, or kept
//
// Three controllers share the work:
//
//   - the binder finds for each claim the smallest volume that suffices, and writes
//     the bond on both sides: first into the volume, which is what counts, then
//     into the claim. It also lets go of what was released.
//   - the protection controllers hold back the deletion of a claim that a pod
//     uses, and of a volume that a claim is bound to, by a finalizer.
//   - the provisioner makes volumes that are directories: of one node (class
//     "standard", made once the first pod that uses the claim has its node), or,
//     where all nodes see the same disk, of all of them (class "shared").
//
// Which volume is right is a pure function, [Match]. What can go wrong between two
// writes does, so the bond can be taken up at any point: a volume that names a
// claim that has another is taken back; a claim whose volume is gone is Lost; a
// volume that was made here keeps a finalizer until its data is removed, so that
// deleting the object by hand does not leave the data behind (KEP-2644).
//
// Of a claim that waits for its first consumer, the scheduler writes the chosen
// node into the annotation volume.kubernetes.io/selected-node; only then is a
// volume looked for, one that this node reaches, or made there.
//
// Kubernetes: https://kubernetes.io/docs/concepts/storage/persistent-volumes/. There
// provisioners are programs of storage vendors that speak CSI. Volumes are not
// recycled here: the policy is deprecated, and an event says so.
//
// Reading order: match.go, binder.go, bindclaim.go, bindvolume.go, provisioner.go,
// protection.go.
package volume
