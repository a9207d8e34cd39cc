package kinds

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func checkPodScheduling(j *judge, spec *corev1.PodSpec, path *field.Path) {
	if spec.NodeName != "" {
		j.subdomain(path.Child("nodeName"), spec.NodeName)
	}
	j.add(metavalidation.ValidateLabels(spec.NodeSelector, path.Child("nodeSelector")))
	if spec.Affinity != nil {
		checkAffinity(j, spec.Affinity, path.Child("affinity"))
	}
	checkTolerations(j, spec.Tolerations, path.Child("tolerations"))
	checkSpread(j, spec.TopologySpreadConstraints, path.Child("topologySpreadConstraints"))
	gates := nameSet{}
	for i, gate := range spec.SchedulingGates {
		j.qualified(path.Child("schedulingGates").Index(i), gate.Name)
		gates.unique(j, path.Child("schedulingGates").Index(i), gate.Name)
	}
	if spec.PriorityClassName != "" {
		j.subdomain(path.Child("priorityClassName"), spec.PriorityClassName)
	}
	if spec.PreemptionPolicy != nil {
		checkPreemptionPolicy(j, *spec.PreemptionPolicy, path.Child("preemptionPolicy"))
	}
}

func checkAffinity(j *judge, a *corev1.Affinity, path *field.Path) {
	const required, preferred = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
	if node := a.NodeAffinity; node != nil {
		path := path.Child("nodeAffinity")
		if node.RequiredDuringSchedulingIgnoredDuringExecution != nil {
			checkNodeSelector(j, node.RequiredDuringSchedulingIgnoredDuringExecution, path.Child(required))
		}
		for i, term := range node.PreferredDuringSchedulingIgnoredDuringExecution {
			path := path.Child(preferred).Index(i)
			checkWeight(j, term.Weight, path)
			checkNodeSelectorTerm(j, term.Preference, true, path.Child("preference"))
		}
	}
	pods := func(must []corev1.PodAffinityTerm, wish []corev1.WeightedPodAffinityTerm, path *field.Path) {
		for i, term := range must {
			checkPodAffinityTerm(j, term, path.Child(required).Index(i))
		}
		for i, term := range wish {
			checkWeight(j, term.Weight, path.Child(preferred).Index(i))
			checkPodAffinityTerm(j, term.PodAffinityTerm, path.Child(preferred).Index(i).Child("podAffinityTerm"))
		}
	}
	if p := a.PodAffinity; p != nil {
		pods(p.RequiredDuringSchedulingIgnoredDuringExecution, p.PreferredDuringSchedulingIgnoredDuringExecution, path.Child("podAffinity"))
	}
	if p := a.PodAntiAffinity; p != nil {
		pods(p.RequiredDuringSchedulingIgnoredDuringExecution, p.PreferredDuringSchedulingIgnoredDuringExecution, path.Child("podAntiAffinity"))
	}
}

func checkWeight(j *judge, weight int32, path *field.Path) {
	if weight < 1 || weight > 100 {
		j.invalid(path.Child("weight"), weight, "must be in the range 1-100")
	}
}

func checkNodeSelector(j *judge, s *corev1.NodeSelector, path *field.Path) {
	path = path.Child("nodeSelectorTerms")
	if len(s.NodeSelectorTerms) == 0 {
		j.required(path, "must have at least one node selector term")
	}
	for i, term := range s.NodeSelectorTerms {
		checkNodeSelectorTerm(j, term, false, path.Index(i))
	}
}

func checkNodeSelectorTerm(j *judge, term corev1.NodeSelectorTerm, wish bool, path *field.Path) {
	for i, r := range term.MatchExpressions {
		path := path.Child("matchExpressions").Index(i)
		switch r.Operator {
		case corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn:
			if len(r.Values) == 0 {
				j.required(path.Child("values"), "must be specified when `operator` is 'In' or 'NotIn'")
			}
		case corev1.NodeSelectorOpExists, corev1.NodeSelectorOpDoesNotExist:
			if len(r.Values) > 0 {
				j.forbidden(path.Child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
			}
		case corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
			if len(r.Values) != 1 {
				j.required(path.Child("values"), "must be specified single value when `operator` is 'Lt' or 'Gt'")
			}
		default:
			j.invalid(path.Child("operator"), r.Operator, "not a valid selector operator")
		}
		j.add(metavalidation.ValidateLabelName(r.Key, path.Child("key")))
		for k, value := range r.Values {
			if !wish { // of a wish, there is a warning
				j.invalid(path.Child("values").Index(k), value, validation.IsValidLabelValue(value)...)
			}
		}
	}
	for i, r := range term.MatchFields {
		checkNodeField(j, r, path.Child("matchFields").Index(i))
	}
}

// checkNodeField judges a selector by a field; a node's name is the only one.
func checkNodeField(j *judge, r corev1.NodeSelectorRequirement, path *field.Path) {
	if r.Operator != corev1.NodeSelectorOpIn && r.Operator != corev1.NodeSelectorOpNotIn {
		j.invalid(path.Child("operator"), r.Operator, "not a valid selector operator")
	} else if len(r.Values) != 1 {
		j.required(path.Child("values"), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector")
	}
	if r.Key != metav1.ObjectNameField {
		j.invalid(path.Child("key"), r.Key, "not a valid field selector key")
		return
	}
	for i, name := range r.Values {
		j.subdomain(path.Child("values").Index(i), name)
	}
}

func checkPodAffinityTerm(j *judge, term corev1.PodAffinityTerm, path *field.Path) {
	checkSelector(j, term.LabelSelector, path.Child("labelSelector"))
	checkSelector(j, term.NamespaceSelector, path.Child("namespaceSelector"))
	for _, namespace := range term.Namespaces {
		j.label(path.Child("namespace"), namespace)
	}
	if term.TopologyKey == "" {
		j.required(path.Child("topologyKey"), "can not be empty")
	}
	j.add(metavalidation.ValidateLabelName(term.TopologyKey, path.Child("topologyKey")))
	checkLabelKeys(j, term.MatchLabelKeys, term.MismatchLabelKeys, term.LabelSelector, path)
}

func checkTolerations(j *judge, tolerations []corev1.Toleration, path *field.Path) {
	for i, t := range tolerations {
		path := path.Index(i)
		operator := path.Child("operator")
		if t.Key != "" {
			j.add(metavalidation.ValidateLabelName(t.Key, path.Child("key")))
		} else if t.Operator != corev1.TolerationOpExists {
			j.invalid(operator, t.Operator,
				"operator must be Exists when `key` is empty, which means \"match all values and all keys\"")
		}
		if t.TolerationSeconds != nil && t.Effect != corev1.TaintEffectNoExecute {
			j.invalid(path.Child("effect"), t.Effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
		}
		switch t.Operator {
		case corev1.TolerationOpEqual, "":
			if messages := validation.IsValidLabelValue(t.Value); len(messages) > 0 {
				j.invalid(operator, t.Value, strings.Join(messages, ";"))
			}
		case corev1.TolerationOpExists:
			if t.Value != "" {
				j.invalid(operator, t.Value, "value must be empty when `operator` is 'Exists'")
			}
		default:
			supported(j, operator, t.Operator, corev1.TolerationOpEqual, corev1.TolerationOpExists)
		}
		emptyOrOneOf(j, path.Child("effect"), t.Effect, taintEffects()...)
	}
}

func checkSpread(j *judge, constraints []corev1.TopologySpreadConstraint, path *field.Path) {
	for i, c := range constraints {
		path := path.Index(i)
		if c.MaxSkew <= 0 {
			j.invalid(path.Child("maxSkew"), c.MaxSkew, "must be greater than zero")
		}
		if c.TopologyKey == "" {
			j.required(path.Child("topologyKey"), "can not be empty")
		}
		supported(j, path.Child("whenUnsatisfiable"), c.WhenUnsatisfiable, corev1.DoNotSchedule, corev1.ScheduleAnyway)
		again := func(other corev1.TopologySpreadConstraint) bool {
			return other.TopologyKey == c.TopologyKey && other.WhenUnsatisfiable == c.WhenUnsatisfiable
		}
		if slices.ContainsFunc(constraints[i+1:], again) {
			j.duplicate(path.Child("{topologyKey, whenUnsatisfiable}"),
				fmt.Sprintf("{%v, %v}", c.TopologyKey, c.WhenUnsatisfiable))
		}
		if c.MinDomains != nil {
			if *c.MinDomains <= 0 {
				j.invalid(path.Child("minDomains"), *c.MinDomains, "must be greater than zero")
			}
			if c.WhenUnsatisfiable != corev1.DoNotSchedule {
				j.invalid(path.Child("minDomains"), *c.MinDomains, fmt.Sprintf(
					"can only use minDomains if whenUnsatisfiable=%s, not %s", corev1.DoNotSchedule, c.WhenUnsatisfiable))
			}
		}
		checkInclusion(j, c.NodeAffinityPolicy, path.Child("nodeAffinityPolicy"))
		checkInclusion(j, c.NodeTaintsPolicy, path.Child("nodeTaintsPolicy"))
		checkSelector(j, c.LabelSelector, path.Child("labelSelector"))
		checkLabelKeys(j, c.MatchLabelKeys, nil, c.LabelSelector, path)
	}
}

func checkInclusion(j *judge, policy *corev1.NodeInclusionPolicy, path *field.Path) {
	if policy != nil {
		supported(j, path, *policy, corev1.NodeInclusionPolicyHonor, corev1.NodeInclusionPolicyIgnore)
	}
}
