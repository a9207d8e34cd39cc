package policy

import (
	"context"
	"errors"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
)

// A param is a parameter of a policy; the zero value is null.
type param struct {
	object api.Object
	kind   schema.GroupVersionKind
}

// key names the parameter.
func (p param) key() string {
	if p.object == nil {
		return ""
	}
	return api.KeyOf(p.object)
}

// paramKind finds the kind of a policy's parameters; nil if it has none.
func (p *Policies) paramKind(c *common) (*api.Resource, error) {
	if c.params == nil {
		return nil, nil
	}
	gv, err := schema.ParseGroupVersion(c.params.APIVersion)
	if err != nil {
		return nil, err
	}
	r := p.Storage.Resources().ForKind(gv.WithKind(c.params.Kind))
	if r == nil || r.Virtual {
		return nil, fmt.Errorf("failed to find resource referenced by paramKind: '%v'", gv.WithKind(c.params.Kind))
	}
	return r, nil
}

// collect returns the parameters that a binding means, for each of which the
// policy is to be evaluated; none if it is not to be evaluated at all.
func (p *Policies) collect(ctx context.Context, a *apiserver.Admission, kind *api.Resource, ref *admissionv1.ParamRef) ([]param, error) {
	if kind == nil || ref == nil {
		return []param{{}}, nil
	}
	namespace, err := paramNamespace(a, kind, ref)
	if err != nil {
		return nil, err
	}
	found, err := p.find(ctx, kind, namespace, ref)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 && ref.ParameterNotFoundAction != nil && *ref.ParameterNotFoundAction == admissionv1.DenyAction {
		return nil, errors.New("no params found for policy binding with `Deny` parameterNotFoundAction")
	}
	params := make([]param, len(found))
	for i, obj := range found {
		params[i] = param{obj, kind.GroupVersionKind}
	}
	return params, nil
}

// paramNamespace is where parameters are: in the namespace that the binding names,
// or else in that of the request.
func paramNamespace(a *apiserver.Admission, kind *api.Resource, ref *admissionv1.ParamRef) (string, error) {
	switch {
	case !kind.Namespaced && ref.Namespace != "":
		return "", errors.New("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
	case !kind.Namespaced:
		return "", nil
	case ref.Namespace != "":
		return ref.Namespace, nil
	case a.Namespace == "":
		return "", errors.New("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
	default:
		return a.Namespace, nil
	}
}

// find reads the parameters by name or by selector.
func (p *Policies) find(ctx context.Context, kind *api.Resource, namespace string, ref *admissionv1.ParamRef) ([]api.Object, error) {
	if ref.Name != "" {
		obj, err := p.objects.Get(ctx, kind, namespace, ref.Name)
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return []api.Object{obj}, err
	}
	if ref.Selector == nil {
		return nil, errors.New("one of name or selector must be provided")
	}
	selector, err := metav1.LabelSelectorAsSelector(ref.Selector)
	if err != nil {
		return nil, err
	}
	all, err := p.objects.List(ctx, kind, namespace)
	var selected []api.Object
	for _, obj := range all {
		if selector.Matches(labels.Set(obj.GetLabels())) {
			selected = append(selected, obj)
		}
	}
	return selected, err
}
