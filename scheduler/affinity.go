package scheduler

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// A PodAffinity is a pod's affinity and anti-affinity to other pods with the
// selectors made ready.
type PodAffinity struct {
	Required, RequiredAnti   []AffinityTerm
	Preferred, PreferredAnti []AffinityTerm
	// Err says that one of the selectors makes no sense; then there are no terms.
	Err error
}

// An AffinityTerm names pods, and the label of nodes that says what is near them.
type AffinityTerm struct {
	TopologyKey string
	// Weight is that of a preferred term, 1 to 100.
	Weight   int64
	Selector labels.Selector
	// Namespaces are where the pods may be; NamespaceSelector, unless nil,
	// allows further ones by their labels.
	Namespaces        []string
	NamespaceSelector labels.Selector
}

// Matches reports whether the term is about a pod, which is in a namespace with
// the given labels.
func (t *AffinityTerm) Matches(pod *corev1.Pod, namespace labels.Set) bool {
	in := slices.Contains(t.Namespaces, pod.Namespace) ||
		t.NamespaceSelector != nil && t.NamespaceSelector.Matches(namespace)
	return in && t.Selector.Matches(labels.Set(pod.Labels))
}

// newPodAffinity returns nil for a pod that does not care.
func newPodAffinity(pod *corev1.Pod) *PodAffinity {
	affinity := pod.Spec.Affinity
	if affinity == nil || affinity.PodAffinity == nil && affinity.PodAntiAffinity == nil {
		return nil
	}
	out := &PodAffinity{}
	if a := affinity.PodAffinity; a != nil {
		out.Required = out.required(pod, a.RequiredDuringSchedulingIgnoredDuringExecution)
		out.Preferred = out.preferred(pod, a.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	if a := affinity.PodAntiAffinity; a != nil {
		out.RequiredAnti = out.required(pod, a.RequiredDuringSchedulingIgnoredDuringExecution)
		out.PreferredAnti = out.preferred(pod, a.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	if out.Err != nil {
		return &PodAffinity{Err: out.Err}
	}
	return out
}

func (a *PodAffinity) required(pod *corev1.Pod, terms []corev1.PodAffinityTerm) []AffinityTerm {
	var out []AffinityTerm
	for i := range terms {
		out = append(out, a.term(pod, &terms[i], 0))
	}
	return out
}

func (a *PodAffinity) preferred(pod *corev1.Pod, terms []corev1.WeightedPodAffinityTerm) []AffinityTerm {
	var out []AffinityTerm
	for i := range terms {
		out = append(out, a.term(pod, &terms[i].PodAffinityTerm, terms[i].Weight))
	}
	return out
}

// term makes one term ready. The labels of matchLabelKeys and mismatchLabelKeys
// narrow the selector (KEP-3633).
func (a *PodAffinity) term(pod *corev1.Pod, t *corev1.PodAffinityTerm, weight int32) AffinityTerm {
	out := AffinityTerm{TopologyKey: t.TopologyKey, Weight: int64(weight), Namespaces: t.Namespaces}
	var err error
	if out.Selector, err = metav1.LabelSelectorAsSelector(t.LabelSelector); err != nil {
		a.Err = fmt.Errorf("label selector: %w", err)
		return out
	}
	if t.NamespaceSelector != nil {
		if out.NamespaceSelector, err = metav1.LabelSelectorAsSelector(t.NamespaceSelector); err != nil {
			a.Err = fmt.Errorf("namespace selector: %w", err)
		}
	} else if len(t.Namespaces) == 0 {
		out.Namespaces = []string{pod.Namespace}
	}
	for _, key := range t.MatchLabelKeys {
		out.Selector = Narrow(out.Selector, pod.Labels, key, true)
	}
	for _, key := range t.MismatchLabelKeys {
		out.Selector = Narrow(out.Selector, pod.Labels, key, false)
	}
	return out
}

// Narrow returns the selector narrowed to what has the value, or with same false
// has it not, that a label has in own. A label that own lacks narrows nothing.
func Narrow(selector labels.Selector, own map[string]string, key string, same bool) labels.Selector {
	value, ok := own[key]
	if !ok {
		return selector
	}
	narrow := metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{value}}
	if !same {
		narrow.Operator = metav1.LabelSelectorOpNotIn
	}
	more, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{narrow}})
	if err != nil {
		return labels.Nothing() // No pod can have a label that is invalid.
	}
	requirements, _ := more.Requirements()
	return selector.Add(requirements...)
}
