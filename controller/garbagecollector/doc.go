// Package garbagecollector deletes objects whose owners are gone, and carries
// out the three ways to delete an owner.
//
// An object names its owners in metadata.ownerReferences. The collector watches
// the metadata of every kind that can be listed, watched and deleted, custom ones
// included, and keeps a graph of who owns whom:
//
//		discovery ──▶ monitor ──▶ one metadata informer for each kind
//		                               │ observe, remove
//		                               ▼
//		                             graph ──▶ uids to look at ──▶ controller.Controller ──▶ collect
//		                                                                   GET, judge, DELETE or PATCH
//
//	  - Background: the owner goes at once. Its dependents then have an owner that
//	    does not exist, and are deleted.
//	  - Foreground: the API server puts the finalizer foregroundDeletion on the
//	    owner. Its dependents are deleted first; when none is left whose reference has
//	    blockOwnerDeletion, the finalizer goes, and with it the owner.
//	  - Orphan: the finalizer orphan on the owner. The references to it are taken out
//	    of the dependents, then the finalizer goes.
//
// # What it is careful about
//
// An object is deleted only when all its owners are known to be gone, by a live GET
// of each that compares the uid: the graph may lag behind, and deleting is not to be taken
// back. The deletion has the dependent's own uid and resourceVersion as
// preconditions. An object with a living owner only loses its references to the
// others. Owners of a cluster-wide object must be cluster-wide, and owners of
// one in a namespace be there or cluster-wide; other references are reported by an
// event OwnerRefInvalidNamespace. Circles of owners that wait for each other in the foreground
// are opened by taking blockOwnerDeletion out of one reference.
//
// # In Kubernetes
//
// The design is that of Kubernetes' garbage collector (its documentation: "Garbage
// Collection", "Use Cascading Deletion"), with one queue instead of two and without virtual nodes:
// the graph keeps dependents by their owner's uid, whether or not the owner has been seen.
//
// Reading order: judge.go and graph.go (pure), collect.go, monitor.go, garbagecollector.go.
package garbagecollector
