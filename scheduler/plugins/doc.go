// Package plugins are the usual rules of scheduling, one small file for each.
//
//	NodeUnschedulable   cordoned nodes take no new pods
//	NodeName            a pod may name its node
//	TaintToleration     taints keep pods away that do not tolerate them
//	NodeAffinity        node selectors and node affinity, wanted and preferred
//	NodePorts           a port of the node's address is one pod's
//	NodeResources       a node does not promise more than it has; emptier is better
//	VolumeBinding       a pod goes where its volumes are
//	PodTopologySpread   pods of a kind keep apart, by zone or by node
//	ImageLocality       a node that has the image need not fetch it
//
// A plugin is a struct without exported fields and a constructor; [Default]
// lists them all with their weights, which are Kubernetes' own
// (https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins).
// To add a rule, write one more, and put it into the list given to the scheduler.
//
// Reading order: plugins.go, nodeunschedulable.go for the shape of them all,
// noderesources.go, podtopologyspread.go.
package plugins
