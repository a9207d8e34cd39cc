package kinds

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	resourcev1 "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// An ExpressionUse says what an expression is for, and thereby its type and what
// it may refer to.
type ExpressionUse string

// The uses of expressions in webhook configurations, policies and selectors of devices.
const (
	MatchConditionExpression ExpressionUse = "MatchCondition"
	VariableExpression       ExpressionUse = "Variable"
	ValidationExpression     ExpressionUse = "Validation"
	MessageExpression        ExpressionUse = "Message"
	AuditExpression          ExpressionUse = "AuditAnnotation"
	ApplyExpression          ExpressionUse = "ApplyConfiguration"
	PatchExpression          ExpressionUse = "JSONPatch"
	DeviceExpression         ExpressionUse = "Device"
)

// An Expression is a CEL expression that an object holds.
type Expression struct {
	Path *field.Path
	Use  ExpressionUse
	// Name is a variable's name.
	Name string
	Text string
	// Params says that the expression may refer to params.
	Params bool
	// Stored says that the object had it before the write: what was once let
	// in stays.
	Stored bool
}

// Expressions returns the expressions of an object of the groups
// admissionregistration.k8s.io and resource.k8s.io, in the order in which they are to be judged: an
// expression may refer to the variables before it. Other objects have none. Old
// is what obj replaces, or nil. This package judges all of such an object but
// whether its expressions compile, which is for who has a compiler.
func Expressions(obj, old api.Object) []Expression {
	found := expressionsOf(obj)
	if old == nil {
		return found
	}
	type had struct {
		use  ExpressionUse
		text string
	}
	before := sets.New[had]()
	for _, e := range expressionsOf(old) {
		before.Insert(had{e.Use, e.Text})
	}
	for i, e := range found {
		found[i].Stored = before.Has(had{e.Use, e.Text})
	}
	return found
}

func expressionsOf(obj api.Object) []Expression {
	var list expressionList
	switch o := obj.(type) {
	case *admissionv1.ValidatingWebhookConfiguration:
		list.webhooks(mutating(o.Webhooks))
	case *admissionv1.MutatingWebhookConfiguration:
		list.webhooks(o.Webhooks)
	case *admissionv1.ValidatingAdmissionPolicy:
		list.params = o.Spec.ParamKind != nil
		list.validatingPolicy(&o.Spec, field.NewPath("spec"))
	case *admissionv1.MutatingAdmissionPolicy:
		list.params = o.Spec.ParamKind != nil
		list.mutatingPolicy(&o.Spec, field.NewPath("spec"))
	case *resourcev1.DeviceClass:
		list.selectors(o.Spec.Selectors, field.NewPath("spec"))
	case *resourcev1.ResourceClaim:
		list.claim(&o.Spec, field.NewPath("spec"))
	case *resourcev1.ResourceClaimTemplate:
		list.claim(&o.Spec.Spec, field.NewPath("spec", "spec"))
	}
	return list.found
}

type expressionList struct {
	params bool
	found  []Expression
}

// add leaves out what is empty.
func (l *expressionList) add(use ExpressionUse, name, text string, path *field.Path) {
	if text != "" {
		l.found = append(l.found, Expression{Path: path, Use: use, Name: name, Text: text, Params: l.params})
	}
}

// selectors are those of devices. One that is too long is refused as such.
func (l *expressionList) selectors(selectors []resourcev1.DeviceSelector, path *field.Path) {
	for i, s := range selectors {
		if s.CEL != nil && len(s.CEL.Expression) <= resourcev1.CELSelectorExpressionMaxLength {
			l.add(DeviceExpression, "", s.CEL.Expression, path.Child("selectors").Index(i).Child("cel", "expression"))
		}
	}
}

func (l *expressionList) claim(spec *resourcev1.ResourceClaimSpec, path *field.Path) {
	for i, r := range spec.Devices.Requests {
		at := path.Child("devices", "requests").Index(i)
		if r.Exactly != nil {
			l.selectors(r.Exactly.Selectors, at.Child("exactly"))
		}
		for k, sub := range r.FirstAvailable {
			l.selectors(sub.Selectors, at.Child("firstAvailable").Index(k))
		}
	}
}

func (l *expressionList) webhooks(webhooks []admissionv1.MutatingWebhook) {
	for i := range webhooks {
		l.conditions(webhooks[i].MatchConditions, field.NewPath("webhooks").Index(i))
	}
}

func (l *expressionList) conditions(conditions []admissionv1.MatchCondition, path *field.Path) {
	for i, c := range conditions {
		l.add(MatchConditionExpression, "", c.Expression, path.Child("matchConditions").Index(i).Child("expression"))
	}
}

func (l *expressionList) variables(variables []admissionv1.Variable, path *field.Path) {
	for i, v := range variables {
		l.add(VariableExpression, v.Name, v.Expression, path.Child("variables").Index(i).Child("expression"))
	}
}

func (l *expressionList) validatingPolicy(spec *admissionv1.ValidatingAdmissionPolicySpec, path *field.Path) {
	l.conditions(spec.MatchConditions, path)
	l.variables(spec.Variables, path)
	for i, v := range spec.Validations {
		at := path.Child("validations").Index(i)
		l.add(ValidationExpression, "", v.Expression, at.Child("expression"))
		l.add(MessageExpression, "", v.MessageExpression, at.Child("messageExpression"))
	}
	for i, a := range spec.AuditAnnotations {
		l.add(AuditExpression, "", a.ValueExpression, path.Child("auditAnnotations").Index(i).Child("valueExpression"))
	}
}

func (l *expressionList) mutatingPolicy(spec *admissionv1.MutatingAdmissionPolicySpec, path *field.Path) {
	l.conditions(spec.MatchConditions, path)
	l.variables(spec.Variables, path)
	for i, m := range spec.Mutations {
		at := path.Child("mutations").Index(i)
		if m.ApplyConfiguration != nil {
			l.add(ApplyExpression, "", m.ApplyConfiguration.Expression, at.Child("applyConfiguration", "expression"))
		}
		if m.JSONPatch != nil {
			l.add(PatchExpression, "", m.JSONPatch.Expression, at.Child("jsonPatch", "expression"))
		}
	}
}
