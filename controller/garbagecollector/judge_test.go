package garbagecollector

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestJudge(t *testing.T) {
	const (
		background = metav1.DeletePropagationBackground
		foreground = metav1.DeletePropagationForeground
		orphan     = metav1.DeletePropagationOrphan
	)
	remove := func(policy metav1.DeletionPropagation) verdict { return verdict{delete: true, policy: policy} }
	drop := func(uids ...types.UID) verdict { return verdict{drop: uids} }
	for _, test := range []struct {
		name    string
		subject subject
		owners  []ownerState // their uids are a, b, c
		want    verdict
	}{
		{"without owners it stays", subject{}, nil, verdict{}},
		{"its owner lives", subject{}, []ownerState{solid}, verdict{}},
		{"its owner is gone", subject{}, []ownerState{gone}, remove(background)},
		{"all its owners are gone", subject{}, []ownerState{gone, gone}, remove(background)},
		{"one of its owners is gone", subject{}, []ownerState{gone, solid}, drop("a")},
		{"one lives, one waits, one is gone", subject{}, []ownerState{waiting, solid, gone}, drop("a", "c")},
		{"its owner waits for it", subject{}, []ownerState{waiting}, remove(background)},
		{"its owner waits for it, and it has dependents", subject{hasDependents: true}, []ownerState{waiting, gone}, remove(foreground)},
		{"its owner waits for it, and so does its dependent", subject{hasDependents: true, inCircle: true}, []ownerState{waiting},
			verdict{delete: true, policy: foreground, unblock: true}},
		{"it asks to be deleted in the foreground", subject{foreground: true}, []ownerState{gone}, remove(foreground)},
		{"it asks to leave its dependents", subject{orphan: true, hasDependents: true}, []ownerState{gone}, remove(orphan)},
		{"its owner cannot be one", subject{}, []ownerState{foreign}, verdict{}},
		{"its owner cannot be one, the other is gone", subject{}, []ownerState{foreign, gone}, drop("b")},
	} {
		t.Run(test.name, func(t *testing.T) {
			var owners []owner
			for i, state := range test.owners {
				owners = append(owners, owner{ref: metav1.OwnerReference{UID: types.UID(rune('a' + i))}, state: state})
			}
			require.Equal(t, test.want, judge(test.subject, owners))
		})
	}
}

func TestGraph_SaysWhatToLookAt(t *testing.T) {
	g := newGraph()
	ref := func(uid types.UID) metav1.OwnerReference { return metav1.OwnerReference{UID: uid} }
	uids := func(u ...types.UID) []types.UID { return u }

	require.Empty(t, g.observe(&node{uid: "root"}), "nothing follows from an object without owners")
	require.Equal(t, uids("leaf"), g.observe(&node{uid: "leaf", owners: []metav1.OwnerReference{ref("root"), ref("unseen")}}))
	require.Len(t, g.dependentsOf("root"), 1)
	require.Len(t, g.dependentsOf("unseen"), 1, "an owner need not be seen first")

	require.Equal(t, uids("leaf", "root"), g.observe(&node{uid: "root", deleting: true, foreground: true}), "an owner starts to wait")
	require.Equal(t, uids("leaf", "root"), g.observe(&node{uid: "leaf", owners: []metav1.OwnerReference{ref("unseen")}}), "a dependent left the waiting owner")
	require.Empty(t, g.dependentsOf("root"))
	require.Empty(t, g.remove("root"))

	g.observe(&node{uid: "unseen"})
	require.Equal(t, uids("leaf"), g.remove("unseen"), "the owner of a dependent has gone")
	require.Empty(t, g.remove("unseen"), "only once")
	require.Empty(t, g.remove("leaf"))
	require.Empty(t, g.nodes)
	require.Empty(t, g.dependents, "nothing is left behind")
}
