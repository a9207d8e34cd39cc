// Package plugins are the usual rules of scheduling, one small file for each.
//
//	NodeUnschedulable   cordoned nodes take no new pods
//	NodeName            a pod may name its node
//	TaintToleration     taints keep pods away that do not tolerate them
//	NodeAffinity        node selectors and node affinity, wanted and preferred
//	NodePorts           a port of the node's address is one pod's
//	NodeResources       a node does not promise more than it has; emptier is better
//	VolumeRestrictions  a claim that is for one pod only is used by one pod only
//	VolumeBinding       a pod goes where its volumes are, or can be
//	PodTopologySpread   pods of a kind keep apart, by zone or by node
//	InterPodAffinity    pods want to be near some pods and away from others
//	BalancedAllocation  processor and memory of a node fill up alike
//	ImageLocality       a node that has the image need not fetch it
//
// A plugin is a struct without exported fields; [Default] lists them all with
// their weights, which are Kubernetes' own
// (https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins).
// To add a rule, write one more, and put it into the list given to the scheduler.
//
// Most look at one node and one pod. Two look at all pods on all nodes, which
// would take most of the time of a cycle if they did so each time. They ask nodes
// through a memory (memory.go), which keeps what a node answered for as long as
// the node does not change.
//
// What real Kubernetes has besides: limits on the number of volumes of a CSI
// driver and their topology, devices by resource claims, and default spreading by
// the selectors of Services; ours goes by the labels that a pod's siblings share.
//
// Reading order: plugins.go, nodeunschedulable.go for the shape of them all,
// noderesources.go, memory.go, podtopologyspread.go, interpodaffinity.go.
package plugins
