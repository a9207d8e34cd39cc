package garbagecollector

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// An ownerState is what is known of an owner that an object names.
type ownerState int

const (
	solid   ownerState = iota // it exists
	waiting                   // it exists, and waits for its dependents to go
	gone                      // it does not exist
	foreign                   // it cannot be an owner, being in a namespace: ignored
)

// An owner is a reference and the state of what it refers to.
type owner struct {
	ref   metav1.OwnerReference
	state ownerState
}

// A verdict says what is to become of an object.
type verdict struct {
	// Delete the object, with this policy.
	delete bool
	policy metav1.DeletionPropagation
	// drop names owners whose references are to be taken out of the object.
	drop []types.UID
	// unblock takes blockOwnerDeletion out of the object's references first.
	unblock bool
}

// A subject is what [judge] must know of an object besides its owners.
type subject struct {
	foreground, orphan bool // its own finalizers
	hasDependents      bool
	// inCircle says that one of its dependents waits for its own dependents:
	// since the object's owner does too, they may wait for each other.
	inCircle bool
}

// judge decides what becomes of an object which is not being deleted.
//
//	an owner lives          keep it, drop references to the others
//	none lives, one waits   delete it; in the foreground if it has dependents,
//	                        so that they go before the owner, too
//	all are gone            delete it, in the way its finalizers ask for
func judge(s subject, owners []owner) verdict {
	var alive, waits int
	var drop []types.UID
	for _, o := range owners {
		switch o.state {
		case solid, foreign:
			alive++
		case waiting:
			waits++
			drop = append(drop, o.ref.UID)
		case gone:
			drop = append(drop, o.ref.UID)
		}
	}
	switch {
	case alive > 0 || len(owners) == 0:
		return verdict{drop: drop}
	case waits > 0 && s.hasDependents:
		return verdict{delete: true, policy: metav1.DeletePropagationForeground, unblock: s.inCircle}
	case s.orphan:
		return verdict{delete: true, policy: metav1.DeletePropagationOrphan}
	case s.foreground:
		return verdict{delete: true, policy: metav1.DeletePropagationForeground}
	default:
		return verdict{delete: true, policy: metav1.DeletePropagationBackground}
	}
}
