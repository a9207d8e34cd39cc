package kinds

import (
	"regexp"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// Policies judge (validating) or change (mutating) the objects of requests by
// expressions; the bindings of admissionbinding.go put them to use.

func validatingAdmissionPolicies() *api.Resource {
	type policy = *admissionv1.ValidatingAdmissionPolicy
	return &api.Resource{
		GroupVersionKind: admissionv1.SchemeGroupVersion.WithKind("ValidatingAdmissionPolicy"),
		StatusAlone:      true,
		Plural:           "validatingadmissionpolicies",
		Singular:         "validatingadmissionpolicy",
		Categories:       []string{"api-extensions"},
		New:              func() api.Object { return &admissionv1.ValidatingAdmissionPolicy{} },
		NewList:          func() runtime.Object { return &admissionv1.ValidatingAdmissionPolicyList{} },
		Default: api.Do(func(p policy) {
			setDefaultPtr(&p.Spec.FailurePolicy, admissionv1.Fail)
			defaultMatchResources(p.Spec.MatchConstraints)
		}),
		Validate:              rule(checkValidatingPolicy),
		ValidateStatus:        pairRule(checkValidatingPolicyStatus),
		CopyStatus:            api.Pair(func(dst, src policy) { dst.Status = src.Status }),
		Generation:            true,
		NoUnconditionalUpdate: true,
		Columns: policyColumns("Validations", "Validations indicates the number of validation rules defined in this configuration",
			func(p policy) (int, *admissionv1.ParamKind) { return len(p.Spec.Validations), p.Spec.ParamKind }),
	}
}

func mutatingAdmissionPolicies() *api.Resource {
	type policy = *admissionv1.MutatingAdmissionPolicy
	return &api.Resource{
		GroupVersionKind: admissionv1.SchemeGroupVersion.WithKind("MutatingAdmissionPolicy"),
		Plural:           "mutatingadmissionpolicies",
		Singular:         "mutatingadmissionpolicy",
		Categories:       []string{"api-extensions"},
		New:              func() api.Object { return &admissionv1.MutatingAdmissionPolicy{} },
		NewList:          func() runtime.Object { return &admissionv1.MutatingAdmissionPolicyList{} },
		Default: api.Do(func(p policy) {
			setDefaultPtr(&p.Spec.FailurePolicy, admissionv1.Fail)
			defaultMatchResources(p.Spec.MatchConstraints)
		}),
		Validate:              rule(checkMutatingPolicy),
		Generation:            true,
		NoUnconditionalUpdate: true,
		Columns: policyColumns("Mutations", "Mutation indicates the number of mutations rules defined in this configuration",
			func(p policy) (int, *admissionv1.ParamKind) { return len(p.Spec.Mutations), p.Spec.ParamKind }),
	}
}

func policyColumns[T api.Object](name, description string, parts func(T) (int, *admissionv1.ParamKind)) []api.Column {
	return table(
		integer(name, description, func(p T) int64 {
			n, _ := parts(p)
			return int64(n)
		}),
		text("ParamKind", "ParamKind specifies the kind of resources used to parameterize this policy", func(p T) string {
			_, kind := parts(p)
			if kind == nil {
				return unset
			}
			return kind.APIVersion + "/" + kind.Kind
		}),
		api.AgeColumn(),
	)
}

func checkValidatingPolicy(j *judge, p *admissionv1.ValidatingAdmissionPolicy) {
	spec, path := &p.Spec, field.NewPath("spec")
	checkFailurePolicy(j, spec.FailurePolicy, path.Child("failurePolicy"))
	checkParamKind(j, spec.ParamKind, path.Child("paramKind"))
	checkMatchConstraints(j, spec.MatchConstraints, path.Child("matchConstraints"))
	checkMatchConditions(j, spec.MatchConditions, path.Child("matchConditions"))
	checkVariables(j, spec.Variables, path.Child("variables"))
	if len(spec.Validations)+len(spec.AuditAnnotations) == 0 {
		const detail = "validations or auditAnnotations must contain at least one item"
		j.required(path.Child("validations"), detail)
		j.required(path.Child("auditAnnotations"), detail)
	}
	for i := range spec.Validations {
		checkValidation(j, &spec.Validations[i], path.Child("validations").Index(i))
	}
	checkAuditAnnotations(j, p.Name, spec.AuditAnnotations, path.Child("auditAnnotations"))
	checkNotStatic(j, p.Name)
}

func checkMutatingPolicy(j *judge, p *admissionv1.MutatingAdmissionPolicy) {
	spec, path := &p.Spec, field.NewPath("spec")
	checkFailurePolicy(j, spec.FailurePolicy, path.Child("failurePolicy"))
	checkParamKind(j, spec.ParamKind, path.Child("paramKind"))
	checkMatchConstraints(j, spec.MatchConstraints, path.Child("matchConstraints"))
	checkMutableOperations(j, spec.MatchConstraints, path.Child("matchConstraints", "resourceRules", "operations"))
	checkMatchConditions(j, spec.MatchConditions, path.Child("matchConditions"))
	checkVariables(j, spec.Variables, path.Child("variables"))
	if len(spec.Mutations) == 0 {
		j.required(path.Child("mutations"), "mutations must contain at least one item")
	}
	for i := range spec.Mutations {
		checkMutation(j, &spec.Mutations[i], path.Child("mutations").Index(i))
	}
	if at := path.Child("reinvocationPolicy"); j.filled(at, string(spec.ReinvocationPolicy)) {
		checkReinvocation(j, spec.ReinvocationPolicy, at)
	}
	checkNotStatic(j, p.Name)
}

// checkMatchConstraints: what a policy is for cannot be left to its bindings,
// since its expressions are typed by it.
func checkMatchConstraints(j *judge, m *admissionv1.MatchResources, path *field.Path) {
	if m == nil {
		j.required(path, "")
		return
	}
	checkMatchResources(j, m, path)
	if len(m.ResourceRules) == 0 {
		j.required(path.Child("resourceRules"), "")
	}
}

// checkMutableOperations: of what is deleted nothing can be changed.
func checkMutableOperations(j *judge, m *admissionv1.MatchResources, path *field.Path) {
	if m == nil {
		return
	}
	for _, r := range m.ResourceRules {
		for _, o := range r.Operations {
			supported(j, path, o, admissionv1.OperationAll, admissionv1.Connect, admissionv1.Create, admissionv1.Update)
		}
	}
}

func checkParamKind(j *judge, kind *admissionv1.ParamKind, path *field.Path) {
	if kind == nil {
		return
	}
	if at := path.Child("apiVersion"); j.filled(at, kind.APIVersion) {
		if gv, err := schema.ParseGroupVersion(kind.APIVersion); err != nil {
			j.invalid(at, kind.APIVersion, err.Error())
		} else {
			if gv.Group != "" {
				j.joined(at, gv.Group, "", validation.IsDNS1123Subdomain(gv.Group))
			}
			if gv.Version == "" {
				j.invalid(at, kind.APIVersion, "version must be specified")
			} else {
				j.joined(at, gv.Version, "", validation.IsDNS1035Label(gv.Version))
			}
		}
	}
	if at := path.Child("kind"); j.filled(at, kind.Kind) {
		j.joined(at, kind.Kind, "may have mixed case, but should otherwise match: ", validation.IsDNS1035Label(strings.ToLower(kind.Kind)))
	}
}

// Words that expressions keep for themselves: see the grammar of CEL.
var (
	celName     = regexp.MustCompile("^[_a-zA-Z][_a-zA-Z0-9]*$")
	celReserved = []string{
		"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if",
		"import", "let", "loop", "package", "namespace", "return", "var", "void", "while",
	}
)

func checkVariables(j *judge, variables []admissionv1.Variable, path *field.Path) {
	for i, v := range variables {
		at := path.Index(i)
		if strings.TrimSpace(v.Name) == "" {
			j.required(at.Child("name"), "name is not specified")
		} else if !celName.MatchString(v.Name) || slices.Contains(celReserved, v.Name) {
			j.invalid(at.Child("name"), v.Name, "must be a valid CEL identifier")
		}
		if strings.TrimSpace(v.Expression) == "" {
			j.required(at.Child("expression"), "expression is not specified")
		}
	}
}
