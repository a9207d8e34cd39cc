package match

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// Constraints are what a webhook, a policy or a binding says about the requests
// it is for.
type Constraints struct {
	namespaces, objects labels.Selector
	rules, excluded     []admissionv1.NamedRuleWithOperations
	equivalent          bool
}

// Compile reads constraints. A nil selector selects everything.
func Compile(c admissionv1.MatchResources) (*Constraints, error) {
	namespaces, err := selector(c.NamespaceSelector)
	if err != nil {
		return nil, fmt.Errorf("read namespaceSelector: %w", err)
	}
	objects, err := selector(c.ObjectSelector)
	if err != nil {
		return nil, fmt.Errorf("read objectSelector: %w", err)
	}
	return &Constraints{
		namespaces: namespaces, objects: objects, rules: c.ResourceRules, excluded: c.ExcludeResourceRules,
		equivalent: c.MatchPolicy != nil && *c.MatchPolicy == admissionv1.Equivalent,
	}, nil
}

func selector(s *metav1.LabelSelector) (labels.Selector, error) {
	if s == nil {
		return labels.Everything(), nil
	}
	return metav1.LabelSelectorAsSelector(s)
}

// A Matcher knows what matching has to look up.
type Matcher struct {
	Objects   apiserver.Objects
	Resources api.Registry
}

// Match returns the form in which the constraints match a request, or nil if
// they do not. Constraints without rules match every resource. An error is that of
// a namespace that should be there and cannot be read.
func (m *Matcher) Match(ctx context.Context, a *apiserver.Admission, c *Constraints) (*Form, error) {
	if !c.matchesObject(a) || m.form(a, c.excluded, c.equivalent) != nil {
		return nil, nil
	}
	form := itself(a)
	if len(c.rules) > 0 {
		form = m.form(a, c.rules, c.equivalent)
	}
	if form == nil {
		return nil, nil
	}
	selected, err := m.selectsNamespace(ctx, a, c.namespaces)
	if err != nil || !selected {
		return nil, err
	}
	return form, nil
}

// matchesObject says whether the selector selects the object, or the one that it
// replaces. What has no labels, such as the options of a stream, is selected only
// by a selector that asks for nothing.
func (c *Constraints) matchesObject(a *apiserver.Admission) bool {
	if c.objects.Empty() {
		return true
	}
	for _, obj := range []api.Object{a.Object, a.Old} {
		if obj != nil && c.objects.Matches(labels.Set(obj.GetLabels())) {
			return true
		}
	}
	return false
}

// selectsNamespace says whether the selector selects the namespace that the
// object is in. A namespace is in itself; what is in none is always selected.
func (m *Matcher) selectsNamespace(ctx context.Context, a *apiserver.Admission, s labels.Selector) (bool, error) {
	if s.Empty() {
		return true, nil
	}
	if isNamespace(a.Resource) {
		if a.Object != nil && a.Subresource == "" {
			return s.Matches(labels.Set(a.Object.GetLabels())), nil
		}
	} else if a.Namespace == "" {
		return true, nil
	}
	namespace, err := typed.Get[*corev1.Namespace](ctx, m.Objects, "", a.Namespace)
	if err != nil {
		return false, err
	}
	return s.Matches(labels.Set(namespace.Labels)), nil
}

// Namespace returns the namespace that the object is in, or nil if it is in
// none. A namespace itself is in none.
func (m *Matcher) Namespace(ctx context.Context, a *apiserver.Admission) (*corev1.Namespace, error) {
	if a.Namespace == "" || isNamespace(a.Resource) {
		return nil, nil
	}
	return typed.Get[*corev1.Namespace](ctx, m.Objects, "", a.Namespace)
}

func isNamespace(r *api.Resource) bool { return r.Group == "" && r.Plural == "namespaces" }

// Exempt says that a request is no webhook's and no policy's business.
func Exempt(a *apiserver.Admission) bool {
	switch a.Resource.Group {
	case admissionv1.GroupName:
		return true
	case "authentication.k8s.io", "authorization.k8s.io":
		return a.Resource.Virtual
	default:
		return false
	}
}
