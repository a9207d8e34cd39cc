package namespace

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A finding is what was left of one resource after its objects were deleted.
type finding struct {
	resource   string // "configmaps.v1" or "deployments.v1.apps"
	remaining  int
	finalizers map[string]int // how many of the remaining have each
	err        error          // deleting or counting failed
}

// judge tells, in the conditions of a namespace's status, what keeps it from
// going away. It goes when empty.
func judge(discovery error, findings []finding) (conditions []corev1.NamespaceCondition, empty bool) {
	var failures, remains []string
	finalizers := map[string]int{}
	for _, f := range findings {
		if f.err != nil {
			failures = append(failures, fmt.Sprintf("%s: %v", f.resource, f.err))
		}
		if f.remaining > 0 {
			remains = append(remains, fmt.Sprintf("%s has %d resource instances", f.resource, f.remaining))
		}
		for name, count := range f.finalizers {
			finalizers[name] += count
		}
	}
	slices.Sort(failures)
	slices.Sort(remains)
	var held []string
	for _, name := range slices.Sorted(maps.Keys(finalizers)) {
		held = append(held, fmt.Sprintf("%s in %d resource instances", name, finalizers[name]))
	}
	var undiscovered []string
	if discovery != nil {
		undiscovered = []string{discovery.Error()}
	}
	conditions = []corev1.NamespaceCondition{
		condition(corev1.NamespaceDeletionDiscoveryFailure, "DiscoveryFailed", "Discovery failed for some groups: ", undiscovered,
			"ResourcesDiscovered", "All resources successfully discovered"),
		condition(corev1.NamespaceDeletionGVParsingFailure, "", "", nil,
			"ParsedGroupVersions", "All legacy kube types successfully parsed"),
		condition(corev1.NamespaceDeletionContentFailure, "ContentDeletionFailed", "Failed to delete all resource types: ", failures,
			"ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
		condition(corev1.NamespaceContentRemaining, "SomeResourcesRemain", "Some resources are remaining: ", remains,
			"ContentRemoved", "All content successfully removed"),
		condition(corev1.NamespaceFinalizersRemaining, "SomeFinalizersRemain", "Some content in the namespace has finalizers remaining: ", held,
			"ContentHasNoFinalizers", "All content-preserving finalizers finished"),
	}
	return conditions, discovery == nil && len(failures) == 0 && len(remains) == 0
}

// condition is true when there is trouble, as the types' names say.
func condition(kind corev1.NamespaceConditionType, badReason, intro string, trouble []string, goodReason, goodText string) corev1.NamespaceCondition {
	if len(trouble) == 0 {
		return corev1.NamespaceCondition{Type: kind, Status: corev1.ConditionFalse, Reason: goodReason, Message: goodText}
	}
	return corev1.NamespaceCondition{Type: kind, Status: corev1.ConditionTrue, Reason: badReason, Message: intro + strings.Join(trouble, ", ")}
}

// merge puts new conditions over those there are, in place of those of the same
// type. What did not change keeps its time.
func merge(have, want []corev1.NamespaceCondition, now metav1.Time) []corev1.NamespaceCondition {
	merged := slices.Clone(have)
	for _, c := range want {
		c.LastTransitionTime = now
		at := slices.IndexFunc(merged, func(h corev1.NamespaceCondition) bool { return h.Type == c.Type })
		if at < 0 {
			merged = append(merged, c)
			continue
		}
		if merged[at].Status == c.Status {
			c.LastTransitionTime = merged[at].LastTransitionTime
		}
		merged[at] = c
	}
	return merged
}
