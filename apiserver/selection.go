package apiserver

import (
	"fmt"
	"net/url"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/api"
)

// A selection is the part of a kind that a list or a watch is about.
type selection struct {
	resource  *api.Resource
	namespace string
	name      string // from the field selector, or empty
	labels    labels.Selector
	fields    fields.Selector
}

// parseSelection reads the selectors of a query. A name in the URL selects that
// object alone: it is what was authorized.
func parseSelection(r *api.Resource, namespace, name string, query url.Values) (*selection, error) {
	byLabel, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	byField, err := fields.ParseSelector(query.Get("fieldSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	for _, requirement := range byField.Requirements() {
		if !fieldKnown(r, requirement.Field) {
			return nil, unknownField(r, requirement.Field)
		}
	}
	if name != "" {
		byField = fields.AndSelectors(byField, fields.OneTermEqualSelector("metadata.name", name))
	}
	s := &selection{resource: r, namespace: namespace, labels: byLabel, fields: byField}
	s.name, _ = byField.RequiresExactMatch("metadata.name")
	if wanted, ok := byField.RequiresExactMatch("metadata.namespace"); ok && namespace == "" {
		s.namespace = wanted
	}
	return s, nil
}

func fieldKnown(r *api.Resource, name string) bool {
	return name == "metadata.name" || name == "metadata.namespace" && r.Namespaced ||
		slices.Contains(r.FieldNames, name)
}

// unknownField refuses a field selector. Kinds that have only the fields of all
// say which these are.
func unknownField(r *api.Resource, name string) error {
	if len(r.FieldNames) > 0 || isCustom(r) {
		return apierrors.NewBadRequest("field label not supported: " + name)
	}
	return apierrors.NewBadRequest(fmt.Sprintf("%q is not a known field selector: only \"metadata.name\", \"metadata.namespace\"", name))
}

// everything says whether no selector narrows the selection.
func (s *selection) everything() bool { return s.labels.Empty() && s.fields.Empty() }

// matches says whether obj is selected. The namespace has been seen to already.
func (s *selection) matches(obj api.Object) bool {
	if !s.labels.Empty() && !s.labels.Matches(labels.Set(obj.GetLabels())) {
		return false
	}
	return s.fields.Empty() || s.fields.Matches(fieldsOf(s.resource, obj))
}

func fieldsOf(r *api.Resource, obj api.Object) fields.Set {
	set := fields.Set{}
	if r.Fields != nil {
		for name, value := range r.Fields(obj) {
			set[name] = value
		}
	}
	set["metadata.name"] = obj.GetName()
	if r.Namespaced {
		set["metadata.namespace"] = obj.GetNamespace()
	}
	return set
}

// scope returns the narrowest scope that holds the selection.
func (s *selection) scope() watchScope {
	scope := watchScope{namespace: s.namespace, name: s.name}
	if node, ok := s.fields.RequiresExactMatch(nodeNameField); ok && node != "" && scope == (watchScope{}) {
		return watchScope{nodeName: node}
	}
	return scope
}

// prefix is what the keys of the selection begin with.
func (s *selection) prefix() string {
	if s.name != "" && (s.namespace != "" || !s.resource.Namespaced) {
		return keyOf(s.resource, s.namespace, s.name)
	}
	return keyPrefix(s.resource, s.namespace)
}
