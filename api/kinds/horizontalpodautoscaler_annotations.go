package kinds

import (
	"encoding/json"
	"fmt"
	"maps"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/coracle-k8s/coracle/api"
)

// The annotations of the first form. Metrics are written as the first form has
// them, behavior as Kubernetes' internal one has it.
const (
	metricsAnnotation        = "autoscaling.alpha.kubernetes.io/metrics"
	metricStatusesAnnotation = "autoscaling.alpha.kubernetes.io/current-metrics"
	conditionsAnnotation     = "autoscaling.alpha.kubernetes.io/conditions"
	behaviorAnnotation       = "autoscaling.alpha.kubernetes.io/behavior"
)

// internalBehavior is the form of the behavior in its annotation.
type internalBehavior struct {
	ScaleUp, ScaleDown *internalRules
}

type internalRules struct {
	StabilizationWindowSeconds *int32
	SelectPolicy               *autoscalingv2.ScalingPolicySelect
	Policies                   []internalPolicy
	Tolerance                  *resource.Quantity
}

type internalPolicy struct {
	Type          autoscalingv2.HPAScalingPolicyType
	Value         int32
	PeriodSeconds int32
}

// annotate adds values, written in JSON, to a copy of annotations.
func annotate(annotations map[string]string, values map[string]any) (map[string]string, error) {
	if len(values) == 0 {
		return annotations, nil
	}
	annotated := map[string]string{}
	maps.Copy(annotated, annotations)
	for key, value := range values {
		data, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("write annotation %s: %w", key, err)
		}
		annotated[key] = string(data)
	}
	return annotated, nil
}

// withoutAnnotations returns the annotations that the first form does not own.
func withoutAnnotations(annotations map[string]string) map[string]string {
	kept := maps.Clone(annotations)
	for _, key := range []string{
		metricsAnnotation, metricStatusesAnnotation, conditionsAnnotation, behaviorAnnotation,
		"autoscaling.alpha.kubernetes.io/scale-down-tolerance", "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
	} {
		delete(kept, key)
	}
	return kept
}

// copyAnnotations makes some of src's annotations dst's, which may lack them too.
func copyAnnotations(dst, src api.Object, keys ...string) {
	annotations := maps.Clone(dst.GetAnnotations())
	for _, key := range keys {
		value, ok := src.GetAnnotations()[key]
		switch {
		case !ok:
			delete(annotations, key)
		case annotations == nil:
			annotations = map[string]string{key: value}
		default:
			annotations[key] = value
		}
	}
	dst.SetAnnotations(annotations)
}

func readBehavior(text string) *autoscalingv2.HorizontalPodAutoscalerBehavior {
	var read internalBehavior
	if json.Unmarshal([]byte(text), &read) != nil || read == (internalBehavior{}) {
		return nil
	}
	rules := func(r *internalRules) *autoscalingv2.HPAScalingRules {
		if r == nil {
			return nil
		}
		made := &autoscalingv2.HPAScalingRules{
			StabilizationWindowSeconds: r.StabilizationWindowSeconds, SelectPolicy: r.SelectPolicy, Tolerance: r.Tolerance,
		}
		for _, p := range r.Policies {
			made.Policies = append(made.Policies, autoscalingv2.HPAScalingPolicy(p))
		}
		return made
	}
	return &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rules(read.ScaleUp), ScaleDown: rules(read.ScaleDown)}
}

func writeBehavior(b *autoscalingv2.HorizontalPodAutoscalerBehavior) internalBehavior {
	rules := func(r *autoscalingv2.HPAScalingRules) *internalRules {
		if r == nil {
			return nil
		}
		made := &internalRules{
			StabilizationWindowSeconds: r.StabilizationWindowSeconds, SelectPolicy: r.SelectPolicy, Tolerance: r.Tolerance,
		}
		for _, p := range r.Policies {
			made.Policies = append(made.Policies, internalPolicy(p))
		}
		return made
	}
	return internalBehavior{rules(b.ScaleUp), rules(b.ScaleDown)}
}
