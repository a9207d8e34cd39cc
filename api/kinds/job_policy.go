package kinds

import (
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Limits of what a job's policies may list.
const (
	maxPolicyRules       = 20
	maxPolicyConditions  = 20
	maxPolicyExitCodes   = 255
	maxIndexesText       = 64 * 1024 // bytes
	needsIndexed         = "requires indexed completion mode"
	bothExitsAndPods     = "specifying both OnExitCodes and OnPodConditions is not supported"
	neitherExitsNorPods  = "specifying one of OnExitCodes and OnPodConditions is required"
	unknownContainerName = "must be one of the container or initContainer names in the pod template"
)

func failureActions() []batchv1.PodFailurePolicyAction {
	return []batchv1.PodFailurePolicyAction{
		batchv1.PodFailurePolicyActionCount, batchv1.PodFailurePolicyActionFailIndex,
		batchv1.PodFailurePolicyActionFailJob, batchv1.PodFailurePolicyActionIgnore,
	}
}

// checkPodFailurePolicy judges what is to happen when pods fail in given ways.
func checkPodFailurePolicy(j *judge, spec *batchv1.JobSpec, path *field.Path) {
	rules := path.Child("rules")
	j.atMost(rules, len(spec.PodFailurePolicy.Rules), maxPolicyRules)
	var containers []string
	for _, c := range slices.Concat(spec.Template.Spec.Containers, spec.Template.Spec.InitContainers) {
		containers = append(containers, c.Name)
	}
	for i := range spec.PodFailurePolicy.Rules {
		rule, at := &spec.PodFailurePolicy.Rules[i], rules.Index(i)
		switch {
		case rule.Action == batchv1.PodFailurePolicyActionFailIndex && spec.BackoffLimitPerIndex == nil:
			j.invalid(at.Child("action"), rule.Action, "requires the backoffLimitPerIndex to be set")
		default:
			oneOfListed(j, at.Child("action"), rule.Action, failureActions()...)
		}
		if rule.OnExitCodes != nil {
			checkExitCodes(j, rule.OnExitCodes, containers, at.Child("onExitCodes"))
		}
		checkConditionPatterns(j, rule.OnPodConditions, at.Child("onPodConditions"))
		switch {
		case rule.OnExitCodes != nil && len(rule.OnPodConditions) > 0:
			j.invalid(at, field.OmitValueType{}, bothExitsAndPods)
		case rule.OnExitCodes == nil && len(rule.OnPodConditions) == 0:
			j.invalid(at, field.OmitValueType{}, neitherExitsNorPods)
		}
	}
}

// oneOfListed is [oneOf] for fields that list their values when they are empty.
func oneOfListed[T ~string](j *judge, path *field.Path, value T, valid ...T) {
	if value == "" {
		j.required(path, fmt.Sprintf("valid values: %q", valid))
		return
	}
	supported(j, path, value, valid...)
}

func checkConditionPatterns(j *judge, patterns []batchv1.PodFailurePolicyOnPodConditionsPattern, path *field.Path) {
	j.atMost(path, len(patterns), maxPolicyConditions)
	for i, pattern := range patterns {
		j.qualified(path.Index(i).Child("type"), string(pattern.Type))
		oneOfListed(j, path.Index(i).Child("status"), pattern.Status,
			corev1.ConditionFalse, corev1.ConditionTrue, corev1.ConditionUnknown)
	}
}

func checkExitCodes(j *judge, codes *batchv1.PodFailurePolicyOnExitCodesRequirement, containers []string, path *field.Path) {
	oneOfListed(j, path.Child("operator"), codes.Operator,
		batchv1.PodFailurePolicyOnExitCodesOpIn, batchv1.PodFailurePolicyOnExitCodesOpNotIn)
	if codes.ContainerName != nil && !slices.Contains(containers, *codes.ContainerName) {
		j.invalid(path.Child("containerName"), *codes.ContainerName, unknownContainerName)
	}
	values := path.Child("values")
	if len(codes.Values) == 0 {
		j.invalid(values, codes.Values, "at least one value is required")
	}
	j.atMost(values, len(codes.Values), maxPolicyExitCodes)
	for i, code := range codes.Values {
		if code == 0 && codes.Operator == batchv1.PodFailurePolicyOnExitCodesOpIn {
			j.invalid(values.Index(i), code, "must not be 0 for the In operator")
		}
		if slices.Contains(codes.Values[:i], code) {
			j.duplicate(values.Index(i), code)
		}
	}
	if !slices.IsSorted(codes.Values) {
		j.invalid(values, codes.Values, "must be ordered")
	}
}

// checkReplacementPolicy: whoever judges failures must wait for them.
func checkReplacementPolicy(j *judge, spec *batchv1.JobSpec, path *field.Path) {
	switch {
	case spec.PodReplacementPolicy == nil:
	case spec.PodFailurePolicy != nil:
		supported(j, path, *spec.PodReplacementPolicy, batchv1.Failed)
	default:
		supported(j, path, *spec.PodReplacementPolicy, batchv1.Failed, batchv1.TerminatingOrFailed)
	}
}

// checkSuccessPolicy judges when a job has done enough.
func checkSuccessPolicy(j *judge, spec *batchv1.JobSpec, path *field.Path) {
	if !isIndexed(spec) {
		j.invalid(path, *spec.SuccessPolicy, needsIndexed)
		return
	}
	rules := path.Child("rules")
	if len(spec.SuccessPolicy.Rules) == 0 {
		j.required(rules, "at least one rules must be specified when the successPolicy is specified")
	}
	j.atMost(rules, len(spec.SuccessPolicy.Rules), maxPolicyRules)
	for i := range spec.SuccessPolicy.Rules {
		checkSuccessRule(j, &spec.SuccessPolicy.Rules[i], number(spec.Completions), rules.Index(i))
	}
}

func checkSuccessRule(j *judge, rule *batchv1.SuccessPolicyRule, completions int32, path *field.Path) {
	if rule.SucceededCount == nil && rule.SucceededIndexes == nil {
		j.required(path, "at least one of succeededCount or succeededIndexes must be specified")
	}
	var indexes int32
	if text := rule.SucceededIndexes; text != nil {
		at := path.Child("succeededIndexes")
		if len(*text) > maxIndexesText {
			j.tooLong(at, maxIndexesText)
		}
		intervals, err := parseIndexes(*text, completions)
		if err != nil {
			j.invalid(at, *text, fmt.Sprintf("error parsing succeededIndexes: %s", err))
		}
		indexes = countIndexes(intervals)
	}
	if rule.SucceededCount == nil {
		return
	}
	n, at := *rule.SucceededCount, path.Child("succeededCount")
	j.notNegative(at, int64(n))
	if n > completions {
		j.invalid(at, n, fmt.Sprintf("must be less than or equal to %d (the number of specified completions)", completions))
	}
	if rule.SucceededIndexes != nil && n > indexes {
		j.invalid(at, n, fmt.Sprintf(
			"must be less than or equal to %d (the number of indexes in the specified succeededIndexes field)", indexes))
	}
}
