package apiserver

import (
	"fmt"
	"net/url"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	operators "k8s.io/apimachinery/pkg/selection"

	"github.com/coracle-k8s/coracle/api"
)

// A selection is the part of a kind that a list or a watch is about.
type selection struct {
	resource  *api.Resource
	namespace string
	name      string // from the field selector, or empty
	node      string // likewise
	labels    labels.Selector
	fields    fields.Selector
	further   fields.Selector // fields without what is in name and node
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
	s.takeFields(byField)
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
	if r.UnknownField != "" {
		return apierrors.NewBadRequest(fmt.Sprintf(r.UnknownField, name))
	}
	if len(r.FieldNames) > 0 || isCustom(r) {
		return apierrors.NewBadRequest("field label not supported: " + name)
	}
	return apierrors.NewBadRequest(fmt.Sprintf("%q is not a known field selector: only \"metadata.name\", \"metadata.namespace\"", name))
}

// everything says whether no selector narrows the selection.
func (s *selection) everything() bool { return s.labels.Empty() && s.fields.Empty() }

// takeFields takes from a selector the fields that are asked for most, so that not
// all fields of every object have to be looked up.
func (s *selection) takeFields(selector fields.Selector) {
	var further []fields.Selector
	for _, r := range selector.Requirements() {
		equal := r.Operator != operators.NotEquals
		switch {
		case equal && r.Field == "metadata.name" && s.name == "" && r.Value != "":
			s.name = r.Value
		case equal && r.Field == nodeNameField && s.node == "" && r.Value != "":
			s.node = r.Value
		case equal:
			further = append(further, fields.OneTermEqualSelector(r.Field, r.Value))
		default:
			further = append(further, fields.OneTermNotEqualSelector(r.Field, r.Value))
		}
	}
	s.further = fields.AndSelectors(further...)
}

// terms are what all that is selected has, as the index knows it.
func (s *selection) terms() []term {
	var terms []term
	if s.node != "" {
		terms = append(terms, term{nodeNameField, s.node})
	}
	requirements, _ := s.labels.Requirements()
	for _, r := range requirements {
		switch r.Operator() {
		case operators.Equals, operators.DoubleEquals, operators.In:
			if values := r.Values(); len(values) == 1 {
				value, _ := values.PopAny()
				terms = append(terms, term{labelPrefix + r.Key(), value})
			}
		}
	}
	return terms
}

// matches says whether an entry, which must not be empty, is selected. The
// namespace has been seen to already.
func (s *selection) matches(e *entry) bool {
	switch {
	case s.node != "" && s.node != e.node, s.name != "" && s.name != e.name():
		return false
	case !s.labels.Empty() && !s.labels.Matches(labels.Set(e.labels)):
		return false
	default:
		return s.further.Empty() || s.further.Matches(fieldsOf(s.resource, e.object()))
	}
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
	if s.node != "" && scope == (watchScope{}) {
		return watchScope{nodeName: s.node}
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
