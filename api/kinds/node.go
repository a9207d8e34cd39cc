package kinds

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func nodes() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Node"),
		Plural:           "nodes",
		Singular:         "node",
		ShortNames:       []string{"no"},
		StorageKey:       "minions", // what nodes were called when the layout was made
		New:              func() api.Object { return &corev1.Node{} },
		NewList:          func() runtime.Object { return &corev1.NodeList{} },
		Default:          api.Do(defaultNode),
		Validate:         rule(checkNode),
		ValidateUpdate:   pairRule(checkNodeUpdate),
		ValidateStatus:   pairRule(func(j *judge, n, _ *corev1.Node) { checkNodeStatus(j, n) }),
		PrepareStatus: api.Pair(func(n, old *corev1.Node) {
			if old.Status.Config == nil {
				n.Status.Config = nil // of a feature that is gone
			}
		}),
		CopyStatus: api.Pair(func(dst, src *corev1.Node) { dst.Status = src.Status }),
		Subresources: []api.Subresource{{
			Name:             "proxy",
			GroupVersionKind: corev1.SchemeGroupVersion.WithKind("NodeProxyOptions"),
			Verbs:            []string{"create", "delete", "get", "patch", "update"},
		}},
		FieldNames: []string{"spec.unschedulable"},
		Fields: api.Value(func(n *corev1.Node) fields.Set {
			return fields.Set{"spec.unschedulable": strconv.FormatBool(n.Spec.Unschedulable)}
		}),
		Columns: nodeColumns(),
	}
}

// defaultNode takes it that pods may have all that the node has, where the
// kubelet holds nothing back. It keeps the one range of addresses for pods and
// the list of them in step; the single one wins.
func defaultNode(n *corev1.Node) {
	switch cidrs := n.Spec.PodCIDRs; {
	case n.Spec.PodCIDR == "" && len(cidrs) > 0:
		n.Spec.PodCIDR = cidrs[0]
	case n.Spec.PodCIDR != "" && (len(cidrs) == 0 || cidrs[0] != n.Spec.PodCIDR):
		n.Spec.PodCIDRs = []string{n.Spec.PodCIDR}
	}
	if n.Status.Allocatable == nil {
		n.Status.Allocatable = n.Status.Capacity.DeepCopy()
	}
	roundResources(n.Status.Capacity)
	roundResources(n.Status.Allocatable)
}

func checkNode(j *judge, n *corev1.Node) {
	spec := field.NewPath("spec")
	// Kubernetes says metadata here, where taints once were.
	checkTaints(j, n.Spec.Taints, field.NewPath("metadata", "taints"))
	cidrs := spec.Child("podCIDRs")
	for i, cidr := range n.Spec.PodCIDRs {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			j.invalid(cidrs.Index(i), cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")
		}
	}
	families := map[bool]int{}
	for _, cidr := range n.Spec.PodCIDRs {
		families[strings.Contains(cidr, ":")]++
	}
	if families[true] > 1 || families[false] > 1 {
		j.invalid(cidrs, n.Spec.PodCIDRs, "may specify no more than one CIDR for each IP family")
	}
	checkNodeStatus(j, n)
}

func checkTaints(j *judge, taints []corev1.Taint, path *field.Path) {
	type keyEffect struct {
		key    string
		effect corev1.TaintEffect
	}
	seen := map[keyEffect]bool{}
	for i, taint := range taints {
		path := path.Index(i)
		j.qualified(path.Child("key"), taint.Key)
		j.invalid(path.Child("value"), taint.Value, validation.IsValidLabelValue(taint.Value)...)
		oneOf(j, path.Child("effect"), taint.Effect, taintEffects()...)
		id := keyEffect{taint.Key, taint.Effect}
		if seen[id] {
			err := field.Duplicate(path, taint)
			err.Detail = "taints must be unique by key and effect pair"
			j.add(field.ErrorList{err})
		}
		seen[id] = true
	}
}

func taintEffects() []corev1.TaintEffect {
	return []corev1.TaintEffect{
		corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute,
	}
}

func checkNodeStatus(j *judge, n *corev1.Node) {
	status := field.NewPath("status")
	checkAmounts(j, n.Status.Capacity, status.Child("capacity"))
	checkAmounts(j, n.Status.Allocatable, status.Child("allocatable"))
	seen := map[corev1.NodeAddress]bool{}
	for i, address := range n.Status.Addresses {
		if seen[address] {
			j.duplicate(status.Child("addresses").Index(i), address)
		}
		seen[address] = true
	}
}

func checkAmounts(j *judge, list corev1.ResourceList, path *field.Path) {
	for _, name := range sortedKeys(list) {
		j.qualified(path.Child(string(name)), string(name))
		checkQuantity(j, name, list[name], path.Child(string(name)))
	}
}

// checkNodeUpdate keeps what was once decided about a node: its pods have their
// addresses from the ranges.
func checkNodeUpdate(j *judge, n, old *corev1.Node) {
	spec := field.NewPath("spec")
	if len(old.Spec.PodCIDRs) > 0 && !slices.Equal(n.Spec.PodCIDRs, old.Spec.PodCIDRs) {
		j.forbidden(spec.Child("podCIDRs"), "node updates may not change podCIDR except from \"\" to valid")
	}
	if old.Spec.ProviderID != "" && n.Spec.ProviderID != old.Spec.ProviderID {
		j.invalid(spec.Child("providerID"), n.Spec.ProviderID, "field cannot be modified once set")
	}
}

func nodeColumns() []api.Column {
	info := func(name, description string, value func(corev1.NodeSystemInfo) string) api.Column {
		return text(name, description, func(n *corev1.Node) string { return value(n.Status.NodeInfo) })
	}
	return table(
		text("Status", "The status of the node", nodeStatusText),
		text("Roles", "The roles of the node", nodeRoles),
		api.AgeColumn(),
		info("Version", "Kubelet Version reported by the node.", func(i corev1.NodeSystemInfo) string { return i.KubeletVersion }),
		wide(text("Internal-IP", docs(corev1.NodeStatus{}, "addresses"), func(n *corev1.Node) string {
			return nodeAddress(n, corev1.NodeInternalIP)
		})),
		wide(text("External-IP", docs(corev1.NodeStatus{}, "addresses"), func(n *corev1.Node) string {
			return nodeAddress(n, corev1.NodeExternalIP)
		})),
		wide(info("OS-Image", docs(corev1.NodeSystemInfo{}, "osImage"), func(i corev1.NodeSystemInfo) string { return or(i.OSImage, unknown) })),
		wide(info("Kernel-Version", docs(corev1.NodeSystemInfo{}, "kernelVersion"), kernelText)),
		wide(info("Container-Runtime", docs(corev1.NodeSystemInfo{}, "containerRuntimeVersion"), func(i corev1.NodeSystemInfo) string {
			return or(i.ContainerRuntimeVersion, unknown)
		})),
	)
}

func kernelText(info corev1.NodeSystemInfo) string {
	kernel := or(info.KernelVersion, unknown)
	if info.Architecture != "" {
		kernel += " (" + info.Architecture + ")"
	}
	return kernel
}

func nodeStatusText(n *corev1.Node) string {
	status := "Unknown"
	for _, c := range n.Status.Conditions {
		switch {
		case c.Type != corev1.NodeReady:
		case c.Status == corev1.ConditionTrue:
			status = "Ready"
		default:
			status = "NotReady"
		}
	}
	if n.Spec.Unschedulable {
		status += ",SchedulingDisabled"
	}
	return status
}

// nodeRoles reads the roles from the labels: node-role.kubernetes.io/ROLE, or
// the older kubernetes.io/role=ROLE.
func nodeRoles(n *corev1.Node) string {
	var roles []string
	for _, key := range sortedKeys(n.Labels) {
		role, found := strings.CutPrefix(key, "node-role.kubernetes.io/")
		if key == "kubernetes.io/role" {
			role, found = n.Labels[key], true
		}
		if found && role != "" && !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	slices.Sort(roles)
	return or(strings.Join(roles, ","), none)
}

func nodeAddress(n *corev1.Node, kind corev1.NodeAddressType) string {
	for _, address := range n.Status.Addresses {
		if address.Type == kind {
			return address.Address
		}
	}
	return none
}
