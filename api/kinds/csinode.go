package kinds

import (
	"fmt"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// csiNodes say which storage drivers run on a node.
func csiNodes() *api.Resource {
	type node = *storagev1.CSINode
	return &api.Resource{
		GroupVersionKind: storagev1.SchemeGroupVersion.WithKind("CSINode"),
		Plural:           "csinodes",
		Singular:         "csinode",
		New:              func() api.Object { return &storagev1.CSINode{} },
		NewList:          func() runtime.Object { return &storagev1.CSINodeList{} },
		Validate:         rule(checkCSINode),
		ValidateUpdate:   pairRule(checkCSINodeUpdate),
		// All there is in the status, the health of volumes, is an alpha feature,
		// which Kubernetes drops as long as it is off.
		CopyStatus:            api.Pair(func(dst, _ node) { dst.Status = storagev1.CSINodeStatus{} }),
		StatusAlone:           true,
		NoUnconditionalUpdate: true,
		DeleteReturnsObject:   true,
		Columns: table(
			integer("Drivers", "Drivers indicates the number of CSI drivers registered on the node",
				func(n node) int64 { return int64(len(n.Spec.Drivers)) }),
			api.AgeColumn(),
		),
	}
}

// maxNodeIDBytes limits the name that a driver has for a node.
const maxNodeIDBytes = 256

func checkCSINode(j *judge, n *storagev1.CSINode) {
	path := field.NewPath("spec", "drivers")
	names := nameSet{}
	for i, d := range n.Spec.Drivers {
		at := path.Index(i)
		checkDriverName(j, d.Name, at.Child("name"))
		j.filled(at.Child("nodeID"), d.NodeID)
		if len(d.NodeID) > maxNodeIDBytes {
			j.invalid(at.Child("nodeID"), d.NodeID, fmt.Sprintf("must be %d characters or less", maxNodeIDBytes))
		}
		if d.Allocatable != nil && d.Allocatable.Count != nil {
			j.notNegative(at.Child("allocatable", "count"), int64(*d.Allocatable.Count))
		}
		names.unique(j, at.Child("name"), d.Name)
		keys := nameSet{}
		for _, key := range d.TopologyKeys {
			j.filled(at, key)
			keys.unique(j, at, key)
			j.qualified(at, key)
		}
	}
}

// checkCSINodeUpdate: a driver comes and goes as a whole, but may change how
// many volumes it can take.
func checkCSINodeUpdate(j *judge, n, old *storagev1.CSINode) {
	for _, was := range old.Spec.Drivers {
		for _, now := range n.Spec.Drivers {
			if was.Name == now.Name {
				was.Allocatable, now.Allocatable = nil, nil
				j.unchanged(field.NewPath("spec", "drivers"), now, was)
			}
		}
	}
}
