package kinds

import "fmt"

// oldNodeLabels are labels of nodes that have gone, or will go, and what to use
// in their place.
func oldNodeLabels() map[string]string {
	since := func(version, other string) string {
		return fmt.Sprintf("deprecated since %s; use %q instead", version, other)
	}
	return map[string]string{
		"beta.kubernetes.io/arch":                       since("v1.14", "kubernetes.io/arch"),
		"beta.kubernetes.io/os":                         since("v1.14", "kubernetes.io/os"),
		"failure-domain.beta.kubernetes.io/region":      since("v1.17", "topology.kubernetes.io/region"),
		"failure-domain.beta.kubernetes.io/zone":        since("v1.17", "topology.kubernetes.io/zone"),
		"beta.kubernetes.io/instance-type":              since("v1.17", "node.kubernetes.io/instance-type"),
		"app.kubernetes.io/created-by":                  "deprecated since v1.9",
		"scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
		"node-role.kubernetes.io/master":                `use "node-role.kubernetes.io/control-plane" instead`,
	}
}

// warnNodeLabels returns a warning for each old label in a selector; the format
// gets the label and what there is to say about it.
func warnNodeLabels(selector map[string]string, format string) []string {
	old := oldNodeLabels()
	var found []string
	for _, label := range sortedKeys(selector) {
		if detail := old[label]; detail != "" {
			found = append(found, fmt.Sprintf(format, label, detail))
		}
	}
	return found
}
