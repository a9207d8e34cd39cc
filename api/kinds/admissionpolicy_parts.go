package kinds

import (
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The parts of a policy that hold expressions. What an expression means is not
// judged here: see [Expressions].

func checkValidation(j *judge, v *admissionv1.Validation, path *field.Path) {
	const blank = "must be non-empty if specified"
	message := strings.TrimSpace(v.Message)
	if strings.TrimSpace(v.Expression) == "" {
		j.required(path.Child("expression"), "expression is not specified")
	}
	if v.MessageExpression != "" && strings.TrimSpace(v.MessageExpression) == "" {
		j.invalid(path.Child("messageExpression"), v.MessageExpression, blank)
	}
	if v.Message != "" && message == "" {
		j.invalid(path.Child("message"), v.Message, blank)
	} else if strings.ContainsAny(message, "\n\r") {
		j.invalid(path.Child("message"), v.Message, "must not contain line breaks")
	}
	if v.Reason != nil {
		supported(j, path.Child("reason"), *v.Reason,
			metav1.StatusReasonForbidden, metav1.StatusReasonInvalid, metav1.StatusReasonRequestEntityTooLarge)
	}
}

// How much a policy may say in the audit log.
const (
	maxAuditAnnotations     = 20
	maxAuditExpressionBytes = 5 * 1024
)

func checkAuditAnnotations(j *judge, name string, annotations []admissionv1.AuditAnnotation, path *field.Path) {
	if len(annotations) > maxAuditAnnotations {
		j.invalid(path, annotations, fmt.Sprintf("must not have more than %d auditAnnotations", maxAuditAnnotations))
	}
	keys := nameSet{}
	for i, a := range annotations {
		key, value := path.Index(i).Child("key"), path.Index(i).Child("valueExpression")
		if name == "" {
			j.invalid(key, a.Key, "requires metadata.name be non-empty")
		} else {
			j.qualified(key, name+"/"+a.Key)
		}
		switch expression := strings.TrimSpace(a.ValueExpression); {
		case expression == "":
			j.required(value, "valueExpression is not specified")
		case len(expression) > maxAuditExpressionBytes:
			j.required(value, fmt.Sprintf("must not exceed %d bytes in length", maxAuditExpressionBytes))
		}
		if keys[a.Key] {
			j.duplicate(key, a.Key)
		}
		keys[a.Key] = true
	}
}

func checkMutation(j *judge, m *admissionv1.Mutation, path *field.Path) {
	apply, patch := path.Child("applyConfiguration"), path.Child("jsonPatch")
	switch m.PatchType {
	case "":
		j.required(path.Child("patchType"), "")
	case admissionv1.PatchTypeJSONPatch:
		if m.JSONPatch == nil {
			j.required(patch, "must be specified when patchType is JSONPatch")
		} else {
			j.filled(patch.Child("expression"), strings.TrimSpace(m.JSONPatch.Expression))
		}
		if m.ApplyConfiguration != nil {
			j.invalid(apply, "{applyConfiguration}", "must not be specified when patchType is JSONPatch")
		}
	case admissionv1.PatchTypeApplyConfiguration:
		if m.ApplyConfiguration == nil {
			j.required(apply, "must be specified when patchType is ApplyConfiguration")
		} else {
			j.filled(apply.Child("expression"), strings.TrimSpace(m.ApplyConfiguration.Expression))
		}
		if m.JSONPatch != nil {
			j.invalid(patch, "{jsonPatch}", "must not be specified when patchType is ApplyConfiguration")
		}
	default:
		supported(j, path.Child("patchType"), m.PatchType, admissionv1.PatchTypeApplyConfiguration, admissionv1.PatchTypeJSONPatch)
	}
}

// checkValidatingPolicyStatus judges what the controller that checks types
// has to say.
func checkValidatingPolicyStatus(j *judge, p, _ *admissionv1.ValidatingAdmissionPolicy) {
	path := field.NewPath("status")
	if p.Status.TypeChecking != nil {
		for i, w := range p.Status.TypeChecking.ExpressionWarnings {
			at := path.Child("typeChecking", "expressionWarnings").Index(i)
			j.filled(at.Child("warning"), w.Warning)
			if ref := strings.TrimSpace(w.FieldRef); j.filled(at.Child("fieldRef"), ref) {
				checkExpressionRef(j, ref, at.Child("fieldRef"))
			}
		}
	}
	j.add(metavalidation.ValidateConditions(p.Status.Conditions, path.Child("conditions")))
}

// checkExpressionRef judges a path such as spec.validations[0].expression, which is
// a JSONPath without braces.
func checkExpressionRef(j *judge, ref string, path *field.Path) {
	if strings.Count(ref, "[") != strings.Count(ref, "]") {
		j.invalid(path, ref, "invalid JSONPath: unterminated array")
	}
}
