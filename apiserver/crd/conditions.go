package crd

import (
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type (
	definition = apiextensionsv1.CustomResourceDefinition
	condition  = apiextensionsv1.CustomResourceDefinitionCondition
)

// conditionOf returns the condition of a type, or nil.
func conditionOf(d *definition, t apiextensionsv1.CustomResourceDefinitionConditionType) *condition {
	i := slices.IndexFunc(d.Status.Conditions, func(c condition) bool { return c.Type == t })
	if i < 0 {
		return nil
	}
	return &d.Status.Conditions[i]
}

func isTrue(d *definition, t apiextensionsv1.CustomResourceDefinitionConditionType) bool {
	c := conditionOf(d, t)
	return c != nil && c.Status == apiextensionsv1.ConditionTrue
}

// setCondition puts a condition into d's status. Its time is that of the last
// change of its status.
func setCondition(d *definition, c condition) {
	c.LastTransitionTime = metav1.Now().Rfc3339Copy()
	old := conditionOf(d, c.Type)
	if old == nil {
		d.Status.Conditions = append(slices.Clone(d.Status.Conditions), c)
		return
	}
	if old.Status == c.Status {
		c.LastTransitionTime = old.LastTransitionTime
	}
	*old = c
}

// terminating says that the definition is on its way out.
func terminating(d *definition) bool {
	return d.DeletionTimestamp != nil || isTrue(d, apiextensionsv1.Terminating)
}
