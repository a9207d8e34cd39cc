package kinds

import (
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func validatingAdmissionPolicyBindings() *api.Resource {
	type binding = *admissionv1.ValidatingAdmissionPolicyBinding
	return &api.Resource{
		GroupVersionKind: admissionv1.SchemeGroupVersion.WithKind("ValidatingAdmissionPolicyBinding"),
		Plural:           "validatingadmissionpolicybindings",
		Singular:         "validatingadmissionpolicybinding",
		Categories:       []string{"api-extensions"},
		New:              func() api.Object { return &admissionv1.ValidatingAdmissionPolicyBinding{} },
		NewList:          func() runtime.Object { return &admissionv1.ValidatingAdmissionPolicyBindingList{} },
		Default:          api.Do(func(b binding) { defaultMatchResources(b.Spec.MatchResources) }),
		Validate: rule(func(j *judge, b binding) {
			checkPolicyBinding(j, b.Spec.PolicyName, b.Spec.ParamRef, b.Spec.MatchResources)
			checkValidationActions(j, b.Spec.ValidationActions, field.NewPath("spec", "validationActions"))
			checkNotStatic(j, b.Name)
		}),
		Generation:            true,
		NoUnconditionalUpdate: true,
		Columns: policyBindingColumns(func(b binding) (string, *admissionv1.ParamRef) {
			return b.Spec.PolicyName, b.Spec.ParamRef
		}),
	}
}

func mutatingAdmissionPolicyBindings() *api.Resource {
	type binding = *admissionv1.MutatingAdmissionPolicyBinding
	return &api.Resource{
		GroupVersionKind: admissionv1.SchemeGroupVersion.WithKind("MutatingAdmissionPolicyBinding"),
		Plural:           "mutatingadmissionpolicybindings",
		Singular:         "mutatingadmissionpolicybinding",
		Categories:       []string{"api-extensions"},
		New:              func() api.Object { return &admissionv1.MutatingAdmissionPolicyBinding{} },
		NewList:          func() runtime.Object { return &admissionv1.MutatingAdmissionPolicyBindingList{} },
		Default:          api.Do(func(b binding) { defaultMatchResources(b.Spec.MatchResources) }),
		Validate: rule(func(j *judge, b binding) {
			checkPolicyBinding(j, b.Spec.PolicyName, b.Spec.ParamRef, b.Spec.MatchResources)
			checkNotStatic(j, b.Name)
		}),
		Generation:            true,
		NoUnconditionalUpdate: true,
		Columns: policyBindingColumns(func(b binding) (string, *admissionv1.ParamRef) {
			return b.Spec.PolicyName, b.Spec.ParamRef
		}),
	}
}

func policyBindingColumns[T api.Object](parts func(T) (string, *admissionv1.ParamRef)) []api.Column {
	return table(
		text("PolicyName", "PolicyName indicates the policy definition which the policy binding binded to", func(b T) string {
			policy, _ := parts(b)
			return policy
		}),
		text("ParamRef", "ParamRef indicates the param resource which sets the configuration param", func(b T) string {
			_, ref := parts(b)
			return paramRefText(ref)
		}),
		api.AgeColumn(),
	)
}

func paramRefText(ref *admissionv1.ParamRef) string {
	switch {
	case ref == nil:
		return unset
	case ref.Name != "":
		// Whether parameters of the kind have a namespace is not known here.
		return or(ref.Namespace, "*") + "/" + ref.Name
	case ref.Selector != nil:
		return ref.Selector.String()
	default:
		return unset
	}
}

func checkPolicyBinding(j *judge, policy string, ref *admissionv1.ParamRef, match *admissionv1.MatchResources) {
	path := field.NewPath("spec")
	j.objectName(path.Child("policyName"), policy)
	checkParamRef(j, ref, path.Child("paramRef"))
	checkMatchResources(j, match, path.Child("matchResources"))
}

func checkParamRef(j *judge, ref *admissionv1.ParamRef, path *field.Path) {
	if ref == nil {
		return
	}
	const either = "name and selector are mutually exclusive"
	if ref.Name != "" {
		j.invalid(path.Child("name"), ref.Name, pathSegment(ref.Name, false)...)
		if ref.Selector != nil {
			j.forbidden(path.Child("name"), either)
		}
	}
	if ref.Selector != nil {
		checkSelector(j, ref.Selector, path.Child("selector"))
		if ref.Name != "" {
			j.forbidden(path.Child("selector"), either)
		}
	}
	if ref.Name == "" && ref.Selector == nil {
		j.required(path, "one of name or selector must be specified")
	}
	action := admissionv1.ParameterNotFoundActionType("")
	if ref.ParameterNotFoundAction != nil {
		action = *ref.ParameterNotFoundAction
	}
	oneOf(j, path.Child("parameterNotFoundAction"), action, admissionv1.DenyAction, admissionv1.AllowAction)
}

func checkValidationActions(j *judge, actions []admissionv1.ValidationAction, path *field.Path) {
	for i, a := range actions {
		supported(j, path.Index(i), a, admissionv1.Audit, admissionv1.Deny, admissionv1.Warn)
		if slices.Contains(actions[:i], a) {
			j.duplicate(path.Index(i), a)
		}
	}
	if slices.Contains(actions, admissionv1.Deny) && slices.Contains(actions, admissionv1.Warn) {
		j.invalid(path, actions, "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)")
	}
	if len(actions) == 0 {
		j.later(func(j *judge) { j.required(path, "") })
	}
}
