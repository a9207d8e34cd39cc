package kinds

import (
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// runtimeClasses are ways to run containers, from which pods choose.
func runtimeClasses() *api.Resource {
	type class = *nodev1.RuntimeClass
	return &api.Resource{
		GroupVersionKind: nodev1.SchemeGroupVersion.WithKind("RuntimeClass"),
		Plural:           "runtimeclasses",
		Singular:         "runtimeclass",
		New:              func() api.Object { return &nodev1.RuntimeClass{} },
		NewList:          func() runtime.Object { return &nodev1.RuntimeClassList{} },
		Validate:         rule(checkRuntimeClass),
		ValidateUpdate: pairRule(func(j *judge, c, old class) {
			j.unchangedLater(field.NewPath("handler"), c.Handler, old.Handler)
		}),
		Warnings: warnings(func(c, _ class) []string {
			if c.Scheduling == nil {
				return nil
			}
			return warnNodeLabels(c.Scheduling.NodeSelector, "scheduling.nodeSelector: %[2]s")
		}),
		CreateOnUpdate:        true,
		NoUnconditionalUpdate: true,
		Columns: table(
			text("Handler", metav1.ObjectMeta{}.SwaggerDoc()["handler"], func(c class) string { return c.Handler }),
			api.AgeColumn(),
		),
	}
}

func checkRuntimeClass(j *judge, c *nodev1.RuntimeClass) {
	handler := field.NewPath("handler")
	if j.filledLater(handler, c.Handler) {
		j.later(func(j *judge) { j.label(handler, c.Handler) })
	}
	if c.Overhead != nil {
		checkResources(j, &corev1.ResourceRequirements{Limits: c.Overhead.PodFixed}, field.NewPath("overhead"))
	}
	if s := c.Scheduling; s != nil {
		path := field.NewPath("scheduling")
		j.add(metavalidation.ValidateLabels(s.NodeSelector, path.Child("nodeSelector")))
		checkTolerations(j, s.Tolerations, path.Child("tolerations"))
		checkTolerationsOnce(j, s.Tolerations, path.Child("tolerations"))
	}
}

func checkTolerationsOnce(j *judge, tolerations []corev1.Toleration, path *field.Path) {
	seen := map[corev1.Toleration]bool{}
	for i, t := range tolerations {
		key := corev1.Toleration{Key: t.Key, Operator: t.Operator, Value: t.Value, Effect: t.Effect}
		if seen[key] {
			j.duplicate(path.Index(i), t)
		}
		seen[key] = true
	}
}
