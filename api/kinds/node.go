package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"strconv"

	"github.com/coracle-k8s/coracle/api"
)

func nodes() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Node"),
		Plural:           "nodes",
		Singular:         "node",
		ShortNames:       []string{"no"},
		New:              func() api.Object { return &corev1.Node{} },
		NewList:          func() runtime.Object { return &corev1.NodeList{} },
		StorageKey:       "minions", // what nodes were called when the layout was made
		Default:          api.Do(defaultNode),
		CopyStatus:       api.Pair(func(dst, src *corev1.Node) { dst.Status = src.Status }),
		FieldNames:       []string{"spec.unschedulable"},
		Fields: api.Value(func(n *corev1.Node) fields.Set {
			return fields.Set{"spec.unschedulable": strconv.FormatBool(n.Spec.Unschedulable)}
		}),
	}
}

// defaultNode takes it that pods may have all that the node has, where the
// kubelet holds nothing back.
func defaultNode(n *corev1.Node) {
	if n.Status.Allocatable == nil {
		n.Status.Allocatable = n.Status.Capacity.DeepCopy()
	}
}
