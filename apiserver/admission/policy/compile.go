package policy

import (
	"errors"

	celgo "github.com/google/cel-go/cel"
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
	"github.com/coracle-k8s/coracle/apiserver/cel"
)

// common is what both kinds of policies have.
type common struct {
	name        string
	params      *admissionv1.ParamKind
	failure     *admissionv1.FailurePolicyType
	constraints *match.Constraints
	bad         error // why the constraints cannot be used
	compiler    *cel.Compiler
	conditions  *match.Conditions
}

func (c *common) ignoresFailure() bool {
	return c.failure != nil && *c.failure == admissionv1.Ignore
}

// names are those that most expressions of the policy may use.
func (c *common) names() cel.Names {
	return cel.Names{Variables: true, Params: c.params != nil, Authorizer: true}
}

// compile fills in the rest of what both kinds have. Constraints are required:
// without, a policy would be about everything.
func (c *common) compile(constraints *admissionv1.MatchResources, variables []admissionv1.Variable, conditions []admissionv1.MatchCondition) {
	if constraints == nil {
		c.bad = errors.New("policy contained no match constraints, a required field")
	} else {
		c.constraints, c.bad = match.Compile(*constraints)
	}
	c.compiler = cel.NewCompiler(true)
	for _, v := range variables {
		_ = c.compiler.Define(v.Name, v.Expression, c.names()) // who uses it fails
	}
	c.conditions = match.CompileConditions(c.compiler, conditions, c.names(), c.failure)
}

// A formula is an expression of a policy, or why it does not compile.
type formula struct {
	expr *cel.Expression
	err  error
}

func (c *common) formula(text string, names cel.Names, types ...*celgo.Type) formula {
	expr, err := c.compiler.Compile(text, names, types...)
	return formula{expr, err}
}

// A binding puts a policy to use.
type binding struct {
	name, policy string
	constraints  *match.Constraints // nil: wherever the policy matches
	bad          error
	params       *admissionv1.ParamRef
	actions      []admissionv1.ValidationAction // of a validating policy
}

func newBinding(name, policy string, matching *admissionv1.MatchResources, params *admissionv1.ParamRef) *binding {
	b := &binding{name: name, policy: policy, params: params}
	if matching != nil {
		b.constraints, b.bad = match.Compile(*matching)
	}
	return b
}

func compileValidatingBinding(obj api.Object) any {
	spec := &obj.(*admissionv1.ValidatingAdmissionPolicyBinding).Spec
	b := newBinding(obj.GetName(), spec.PolicyName, spec.MatchResources, spec.ParamRef)
	b.actions = spec.ValidationActions
	return b
}

func compileMutatingBinding(obj api.Object) any {
	spec := &obj.(*admissionv1.MutatingAdmissionPolicyBinding).Spec
	return newBinding(obj.GetName(), spec.PolicyName, spec.MatchResources, spec.ParamRef)
}

// A validatingPolicy is one, ready for use.
type validatingPolicy struct {
	common
	validations []validation
	annotations []auditAnnotation
}

// A validation is a rule, with what to say when it is broken.
type validation struct {
	admissionv1.Validation
	rule    formula
	message formula // its expr is nil if there is none, or it does not compile
}

// An auditAnnotation is something to note in the audit log.
type auditAnnotation struct {
	key, text string
	value     formula
}

func compileValidating(obj api.Object) any {
	spec := &obj.(*admissionv1.ValidatingAdmissionPolicy).Spec
	p := &validatingPolicy{common: common{name: obj.GetName(), params: spec.ParamKind, failure: spec.FailurePolicy}}
	p.compile(spec.MatchConstraints, spec.Variables, spec.MatchConditions)
	for _, v := range spec.Validations {
		compiled := validation{Validation: v, rule: p.formula(v.Expression, p.names(), cel.Bool)}
		if v.MessageExpression != "" {
			compiled.message = p.formula(v.MessageExpression, cel.Names{Variables: true, Params: p.params != nil}, cel.String)
		}
		p.validations = append(p.validations, compiled)
	}
	for _, a := range spec.AuditAnnotations {
		p.annotations = append(p.annotations, auditAnnotation{
			key: a.Key, text: a.ValueExpression, value: p.formula(a.ValueExpression, p.names(), cel.String, cel.Null),
		})
	}
	return p
}

// A mutatingPolicy is one, ready for use.
type mutatingPolicy struct {
	common
	willing   bool // to be applied again
	mutations []mutation
}

// A mutation is one change: the fields of an object, or a JSON patch.
type mutation struct {
	patch   bool
	formula formula
}

func compileMutating(obj api.Object) any {
	spec := &obj.(*admissionv1.MutatingAdmissionPolicy).Spec
	p := &mutatingPolicy{common: common{name: obj.GetName(), params: spec.ParamKind, failure: spec.FailurePolicy}}
	p.compile(spec.MatchConstraints, spec.Variables, spec.MatchConditions)
	p.willing = spec.ReinvocationPolicy == admissionv1.IfNeededReinvocationPolicy
	names := p.names()
	names.Patches = true
	for _, m := range spec.Mutations {
		switch {
		case m.PatchType == admissionv1.PatchTypeJSONPatch && m.JSONPatch != nil:
			p.mutations = append(p.mutations, mutation{true, p.formula(m.JSONPatch.Expression, names, cel.Patches)})
		case m.PatchType == admissionv1.PatchTypeApplyConfiguration && m.ApplyConfiguration != nil:
			p.mutations = append(p.mutations, mutation{false, p.formula(m.ApplyConfiguration.Expression, names, cel.Object)})
		}
	}
	return p
}
