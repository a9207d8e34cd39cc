package kinds

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A pod may say of the pods that it is to be with, or to be spread among, that
// they have the same value of a label as itself: "the pods of my revision". The
// server writes the value into the selector when the pod is created, so that
// schedulers need not know of it (KEP-3633, KEP-3243).

// matchOwnLabels completes the selectors of a new pod.
func matchOwnLabels(pod *corev1.Pod) {
	for i := range pod.Spec.TopologySpreadConstraints {
		c := &pod.Spec.TopologySpreadConstraints[i]
		addLabelKeys(c.LabelSelector, c.MatchLabelKeys, metav1.LabelSelectorOpIn, pod.Labels)
	}
	if pod.Spec.Affinity == nil {
		return
	}
	if a := pod.Spec.Affinity.PodAffinity; a != nil {
		completeTerms(a.RequiredDuringSchedulingIgnoredDuringExecution, a.PreferredDuringSchedulingIgnoredDuringExecution, pod.Labels)
	}
	if a := pod.Spec.Affinity.PodAntiAffinity; a != nil {
		completeTerms(a.RequiredDuringSchedulingIgnoredDuringExecution, a.PreferredDuringSchedulingIgnoredDuringExecution, pod.Labels)
	}
}

func completeTerms(required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm, labels map[string]string) {
	complete := func(term *corev1.PodAffinityTerm) {
		addLabelKeys(term.LabelSelector, term.MatchLabelKeys, metav1.LabelSelectorOpIn, labels)
		addLabelKeys(term.LabelSelector, term.MismatchLabelKeys, metav1.LabelSelectorOpNotIn, labels)
	}
	for i := range required {
		complete(&required[i])
	}
	for i := range preferred {
		complete(&preferred[i].PodAffinityTerm)
	}
}

// addLabelKeys asks in the selector for the pod's own values, or for others. A
// label that the pod does not have is not asked for.
func addLabelKeys(selector *metav1.LabelSelector, keys []string, operator metav1.LabelSelectorOperator, labels map[string]string) {
	if selector == nil {
		return
	}
	for _, key := range keys {
		if value, found := labels[key]; found {
			selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{
				Key: key, Operator: operator, Values: []string{value},
			})
		}
	}
}

// checkLabelKeys judges keys whose values are already in the selector of a pod.
func checkLabelKeys(j *judge, match, mismatch []string, selector *metav1.LabelSelector, path *field.Path) {
	names := func(keys []string, path *field.Path) {
		if len(keys) > 0 && selector == nil {
			j.forbidden(path, "must not be specified when labelSelector is not set")
			return
		}
		for i, key := range keys {
			j.add(metavalidation.ValidateLabelName(key, path.Index(i)))
		}
	}
	names(match, path.Child("matchLabelKeys"))
	names(mismatch, path.Child("mismatchLabelKeys"))
	if selector != nil {
		seen := map[string]bool{}
		for key := range selector.MatchLabels {
			seen[key] = true
		}
		for _, expression := range selector.MatchExpressions {
			if i := slices.Index(match, expression.Key); i >= 0 && seen[expression.Key] {
				j.invalid(path.Index(i), expression.Key, "exists in both matchLabelKeys and labelSelector")
			}
			seen[expression.Key] = true
		}
	}
	for i, key := range match {
		if slices.Contains(mismatch, key) {
			j.invalid(path.Child("matchLabelKeys").Index(i), key, "exists in both matchLabelKeys and mismatchLabelKeys")
		}
	}
}
