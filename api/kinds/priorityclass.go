package kinds

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// SystemPriorityClasses are the classes that every cluster has, and their
// values: above what a user may define.
func SystemPriorityClasses() map[string]int32 {
	return map[string]int32{
		"system-node-critical":    2000001000,
		"system-cluster-critical": 2000000000,
	}
}

// highestUserPriority is the greatest value of a class that users make.
const highestUserPriority = 1000000000

func priorityClasses() *api.Resource {
	return &api.Resource{
		GroupVersionKind: schedulingv1.SchemeGroupVersion.WithKind("PriorityClass"),
		Plural:           "priorityclasses",
		Singular:         "priorityclass",
		ShortNames:       []string{"pc"},
		New:              func() api.Object { return &schedulingv1.PriorityClass{} },
		NewList:          func() runtime.Object { return &schedulingv1.PriorityClassList{} },
		Default: api.Do(func(c *schedulingv1.PriorityClass) {
			setDefaultPtr(&c.PreemptionPolicy, corev1.PreemptLowerPriority)
		}),
		Validate: rule(checkPriorityClass),
		ValidateUpdate: pairRule(func(j *judge, c, old *schedulingv1.PriorityClass) {
			if c.Value != old.Value {
				j.forbidden(field.NewPath("value"), "may not be changed in an update.")
			}
			j.unchanged(field.NewPath("preemptionPolicy"), c.PreemptionPolicy, old.PreemptionPolicy)
		}),
		Generation:        true,
		GenerationChanged: func(_, _ api.Object) bool { return false },
		Columns: table(
			integer("Value", docs(schedulingv1.PriorityClass{}, "value"), func(c *schedulingv1.PriorityClass) int64 {
				return int64(c.Value)
			}),
			boolean("Global-Default", docs(schedulingv1.PriorityClass{}, "globalDefault"), func(c *schedulingv1.PriorityClass) bool {
				return c.GlobalDefault
			}),
			api.AgeColumn(),
			text("PreemptionPolicy", docs(schedulingv1.PriorityClass{}, "preemptionPolicy"), func(c *schedulingv1.PriorityClass) string {
				return textOr(c.PreemptionPolicy, "")
			}),
		),
	}
}

func checkPriorityClass(j *judge, c *schedulingv1.PriorityClass) {
	if strings.HasPrefix(c.Name, "system-") {
		if value, known := SystemPriorityClasses()[c.Name]; !known || value != c.Value || c.GlobalDefault {
			j.forbidden(field.NewPath("metadata", "name"),
				"priority class names with 'system-' prefix are reserved for system use only. error: "+
					systemClassProblem(c, value, known))
		}
	} else if c.Value > highestUserPriority {
		j.forbidden(field.NewPath("value"),
			fmt.Sprintf("maximum allowed value of a user defined priority is %v", highestUserPriority))
	}
	if c.PreemptionPolicy != nil {
		checkPreemptionPolicy(j, *c.PreemptionPolicy, field.NewPath("preemptionPolicy"))
	}
}

func systemClassProblem(c *schedulingv1.PriorityClass, value int32, known bool) string {
	switch {
	case !known:
		return fmt.Sprintf("%v is not a known system priority class", c.Name)
	case c.Value != value:
		return fmt.Sprintf("value of %v PriorityClass must be %v", c.Name, value)
	default:
		return fmt.Sprintf("globalDefault of %v PriorityClass must be false", c.Name)
	}
}

func checkPreemptionPolicy(j *judge, policy corev1.PreemptionPolicy, path *field.Path) {
	oneOf(j, path, policy, corev1.PreemptLowerPriority, corev1.PreemptNever)
}
