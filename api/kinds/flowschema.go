package kinds

import (
	"fmt"
	"slices"
	"strings"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// flowSchemas sort requests into flows, and flows onto the priority levels of
// prioritylevel.go.
func flowSchemas() *api.Resource {
	type schema = *flowcontrolv1.FlowSchema
	return &api.Resource{
		GroupVersionKind: flowcontrolv1.SchemeGroupVersion.WithKind("FlowSchema"),
		StatusAlone:      true,
		Plural:           "flowschemas",
		Singular:         "flowschema",
		New:              func() api.Object { return &flowcontrolv1.FlowSchema{} },
		NewList:          func() runtime.Object { return &flowcontrolv1.FlowSchemaList{} },
		Default:          api.Do(func(s schema) { setDefault(&s.Spec.MatchingPrecedence, 1000) }),
		Validate:         rule(checkFlowSchema),
		ValidateStatus: pairRule(func(j *judge, s, _ schema) {
			checkConditionTypes(j, s.Status.Conditions, func(c flowcontrolv1.FlowSchemaCondition) string { return string(c.Type) })
		}),
		CopyStatus: api.Pair(func(dst, src schema) { dst.Status = src.Status }),
		Generation: true,
		Columns: table(
			text("PriorityLevel", flowcontrolv1.PriorityLevelConfigurationReference{}.SwaggerDoc()["name"],
				func(s schema) string { return s.Spec.PriorityLevelConfiguration.Name }),
			count("MatchingPrecedence", flowcontrolv1.FlowSchemaSpec{}.SwaggerDoc()["matchingPrecedence"],
				func(s schema) int64 { return int64(s.Spec.MatchingPrecedence) }),
			text("DistinguisherMethod", flowcontrolv1.FlowSchemaSpec{}.SwaggerDoc()["distinguisherMethod"], func(s schema) string {
				if s.Spec.DistinguisherMethod == nil {
					return none
				}
				return string(s.Spec.DistinguisherMethod.Type)
			}),
			api.AgeColumn(),
			text("MissingPL", "references a broken or non-existent PriorityLevelConfiguration", func(s schema) string {
				for _, c := range s.Status.Conditions {
					if c.Type == flowcontrolv1.FlowSchemaConditionDangling {
						return string(c.Status)
					}
				}
				return "?"
			}),
		),
	}
}

// checkConditionTypes judges the one thing that conditions of flow control must
// have.
func checkConditionTypes[C any](j *judge, conditions []C, typeOf func(C) string) {
	types := nameSet{}
	for i, c := range conditions {
		path := field.NewPath("status", "conditions").Index(i).Child("type")
		types.unique(j, path, typeOf(c))
		j.filled(path, typeOf(c))
	}
}

func checkFlowSchema(j *judge, s *flowcontrolv1.FlowSchema) {
	spec, path := &s.Spec, field.NewPath("spec")
	precedence := path.Child("matchingPrecedence")
	switch p := spec.MatchingPrecedence; {
	case p <= 0:
		j.invalid(precedence, p, "must be a positive value")
	case p > flowcontrolv1.FlowSchemaMaxMatchingPrecedence:
		j.invalid(precedence, p, fmt.Sprintf("must not be greater than %v", flowcontrolv1.FlowSchemaMaxMatchingPrecedence))
	case p == 1 && s.Name != flowcontrolv1.FlowSchemaNameExempt:
		j.invalid(precedence, p, "only the schema named 'exempt' may have matchingPrecedence 1")
	}
	if m := spec.DistinguisherMethod; m != nil &&
		m.Type != flowcontrolv1.FlowDistinguisherMethodByNamespaceType && m.Type != flowcontrolv1.FlowDistinguisherMethodByUserType {
		j.add(field.ErrorList{field.NotSupported(path.Child("distinguisherMethod", "type"), m, []flowcontrolv1.FlowDistinguisherMethodType{
			flowcontrolv1.FlowDistinguisherMethodByNamespaceType, flowcontrolv1.FlowDistinguisherMethodByUserType,
		})})
	}
	if at := path.Child("priorityLevelConfiguration", "name"); spec.PriorityLevelConfiguration.Name == "" {
		j.required(at, "must reference a priority level")
	} else {
		j.subdomain(at, spec.PriorityLevelConfiguration.Name)
	}
	for i := range spec.Rules {
		checkFlowRules(j, &spec.Rules[i], path.Child("rules").Index(i))
	}
	for _, mandatory := range MandatoryFlowSchemas() {
		if mandatory.Name == s.Name && !same(mandatory.Spec, s.Spec) {
			j.invalid(path, s.Spec, fmt.Sprintf("spec of '%s' must equal the fixed value", s.Name))
		}
	}
}

func checkFlowRules(j *judge, r *flowcontrolv1.PolicyRulesWithSubjects, path *field.Path) {
	if len(r.Subjects) == 0 {
		j.required(path.Child("subjects"), "subjects must contain at least one value")
	}
	for i := range r.Subjects {
		checkFlowSubject(j, &r.Subjects[i], path.Child("subjects").Index(i))
	}
	if len(r.ResourceRules)+len(r.NonResourceRules) == 0 {
		j.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
	}
	for i := range r.ResourceRules {
		checkFlowResources(j, &r.ResourceRules[i], path.Child("resourceRules").Index(i))
	}
	for i := range r.NonResourceRules {
		checkFlowURLs(j, &r.NonResourceRules[i], path.Child("nonResourceRules").Index(i))
	}
}

func checkFlowSubject(j *judge, s *flowcontrolv1.Subject, path *field.Path) {
	// Of the three fields, just that of the kind may be given.
	forbid := func(kind flowcontrolv1.SubjectKind, name string, given bool) {
		if given && s.Kind != kind {
			j.forbidden(path.Child(name), fmt.Sprintf("%s is forbidden when subject kind is not '%s'", name, kind))
		}
	}
	need := func(name string, given bool) bool {
		if !given {
			j.required(path.Child(name), fmt.Sprintf("%s is required when subject kind is '%s'", name, s.Kind))
		}
		return given
	}
	switch s.Kind {
	case flowcontrolv1.SubjectKindServiceAccount:
		if need("serviceAccount", s.ServiceAccount != nil) {
			checkFlowServiceAccount(j, s.ServiceAccount, path.Child("serviceAccount"))
		}
	case flowcontrolv1.SubjectKindUser:
		if need("user", s.User != nil) {
			j.filled(path.Child("user", "name"), s.User.Name)
		}
	case flowcontrolv1.SubjectKindGroup:
		if need("group", s.Group != nil) {
			j.filled(path.Child("group", "name"), s.Group.Name)
		}
	default:
		supported(j, path.Child("kind"), s.Kind, flowcontrolv1.SubjectKindGroup, flowcontrolv1.SubjectKindServiceAccount, flowcontrolv1.SubjectKindUser)
		return
	}
	forbid(flowcontrolv1.SubjectKindServiceAccount, "serviceAccount", s.ServiceAccount != nil)
	forbid(flowcontrolv1.SubjectKindUser, "user", s.User != nil)
	forbid(flowcontrolv1.SubjectKindGroup, "group", s.Group != nil)
}

func checkFlowServiceAccount(j *judge, s *flowcontrolv1.ServiceAccountSubject, path *field.Path) {
	if j.filled(path.Child("name"), s.Name) && s.Name != flowcontrolv1.NameAll {
		j.invalid(path.Child("name"), s.Name, apivalidation.ValidateServiceAccountName(s.Name, false)...)
	}
	if s.Namespace == "" {
		j.required(path.Child("namespace"), "must specify namespace for service account")
	} else {
		j.invalid(path.Child("namespace"), s.Namespace, apivalidation.ValidateNamespaceName(s.Namespace, false)...)
	}
}

// flowVerbs are those that a rule may name.
var flowVerbs = []string{"create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"}

func checkFlowVerbs(j *judge, verbs []string, path *field.Path) {
	if !checkFlowList(j, verbs, path, "verbs must contain at least one value", "verbs") {
		return
	}
	if slices.ContainsFunc(verbs, func(verb string) bool { return !slices.Contains(flowVerbs, verb) }) {
		j.add(field.ErrorList{field.NotSupported(path, verbs, flowVerbs)})
	}
}

// checkFlowList judges a list that must not be empty and, if there is a
// wildcard in it, hold nothing else. It says whether the items are to be judged.
func checkFlowList(j *judge, list []string, path *field.Path, empty, what string) bool {
	all := slices.Contains(list, "*")
	switch {
	case len(list) == 0:
		j.required(path, empty)
	case all && len(list) > 1:
		j.invalid(path, list, "if '*' is present, must not specify other "+what)
	}
	return len(list) > 0 && !all
}

func checkFlowResources(j *judge, r *flowcontrolv1.ResourcePolicyRule, path *field.Path) {
	checkFlowVerbs(j, r.Verbs, path.Child("verbs"))
	checkFlowList(j, r.APIGroups, path.Child("apiGroups"), "resource rules must supply at least one api group", "api groups")
	checkFlowList(j, r.Resources, path.Child("resources"), "resource rules must supply at least one resource", "resources")
	namespaces := path.Child("namespaces")
	if len(r.Namespaces) == 0 && r.ClusterScope {
		return
	}
	if checkFlowList(j, r.Namespaces, namespaces, "resource rules that are not cluster scoped must supply at least one namespace", "namespaces") {
		for i, name := range r.Namespaces {
			for _, message := range apivalidation.ValidateNamespaceName(name, false) {
				j.invalid(namespaces.Index(i), name, "each member of this list must be '*' or a DNS-1123 label; "+message)
			}
		}
	}
}

func checkFlowURLs(j *judge, r *flowcontrolv1.NonResourcePolicyRule, path *field.Path) {
	checkFlowVerbs(j, r.Verbs, path.Child("verbs"))
	urls := path.Child("nonResourceURLs")
	if !checkFlowList(j, r.NonResourceURLs, urls, "nonResourceURLs must contain at least one value", "non-resource URLs") {
		return
	}
	for i, url := range r.NonResourceURLs {
		if problem := flowURLProblem(url); problem != "" {
			j.invalid(urls.Index(i), url, problem)
		}
	}
}

// flowURLProblem returns what is wrong with the path first, or "".
func flowURLProblem(url string) string {
	switch stars := strings.Count(url, "*"); {
	case url == "":
		return "must not be empty"
	case !strings.HasPrefix(url, "/"):
		return "must start with slash"
	case strings.Contains(url, " "):
		return "must not contain white-space"
	case strings.Contains(url, "//"):
		return "must not contain double slash"
	case stars > 1 || stars == 1 && !strings.HasSuffix(url, "/*"):
		return "wildcard can only do suffix matching"
	default:
		return ""
	}
}
