package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kubecel "k8s.io/apiserver/pkg/cel"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/cel"
	"github.com/coracle-k8s/coracle/apiserver/openapi"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// maxTypes is against how many kinds a rule's expressions are checked.
const maxTypes = 10

// statusManager owns what [Policies.CheckTypes] writes.
const statusManager = "validatingadmissionpolicy-status"

// CheckTypes looks at each validating policy that is new or has changed, and
// writes into its status what is strange about its expressions for the kinds that
// the policy is about: a field that they do not have, a number compared with a text.
// Such a policy is in force all the same. It runs until ctx ends.
//
// In Kubernetes a controller does this, beside which this need not run.
func (p *Policies) CheckTypes(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	changed := make(chan []api.Object, 1)
	g.Go(func() error {
		return p.Storage.Follow(ctx, typed.Resource[*admissionv1.ValidatingAdmissionPolicy](), func(objects []api.Object) {
			select {
			case <-changed: // an older state that nobody has looked at
			default:
			}
			changed <- objects
		})
	})
	g.Go(func() error {
		for {
			select {
			case objects := <-changed:
				for _, obj := range objects {
					p.checkTypes(ctx, obj.(*admissionv1.ValidatingAdmissionPolicy))
				}
			case <-ctx.Done():
				return nil
			}
		}
	})
	return g.Wait()
}

func (p *Policies) checkTypes(ctx context.Context, policy *admissionv1.ValidatingAdmissionPolicy) {
	if policy.Generation <= policy.Status.ObservedGeneration || ctx.Err() != nil {
		return
	}
	checking := map[string]any{}
	if warnings := p.warnings(policy); len(warnings) > 0 {
		checking["expressionWarnings"] = warnings
	}
	config := &unstructured.Unstructured{Object: map[string]any{
		"status": map[string]any{"observedGeneration": policy.Generation, "typeChecking": checking},
	}}
	r := typed.Resource[*admissionv1.ValidatingAdmissionPolicy]()
	config.SetGroupVersionKind(r.GroupVersionKind)
	config.SetName(policy.Name)
	err := p.Storage.Apply(ctx, r, config, "status", statusManager)
	if err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil {
		p.Logger.Warn("what is strange about a policy cannot be told", "policy", policy.Name, "err", err)
	}
}

// warnings are those about a policy's expressions, in the form of its status.
func (p *Policies) warnings(policy *admissionv1.ValidatingAdmissionPolicy) []any {
	var warnings []any
	resources := p.resourcesOf(policy)
	check := func(text string, path *field.Path) {
		var strange strings.Builder
		for _, r := range resources {
			if err := p.checkExpression(policy, r, text); err != nil {
				fmt.Fprintf(&strange, "%v: %v\n", r.GroupVersionKind, err)
			}
		}
		if text != "" && strange.Len() > 0 {
			warnings = append(warnings, map[string]any{"fieldRef": path.String(), "warning": strange.String()})
		}
	}
	for i, v := range policy.Spec.Validations {
		path := field.NewPath("spec", "validations").Index(i)
		check(v.Expression, path.Child("expression"))
		check(v.MessageExpression, path.Child("messageExpression"))
	}
	return warnings
}

// checkExpression compiles an expression for objects of one kind.
func (p *Policies) checkExpression(policy *admissionv1.ValidatingAdmissionPolicy, r *api.Resource, text string) error {
	names := cel.Names{Variables: true, Params: policy.Spec.ParamKind != nil, Authorizer: true}
	checker := cel.NewTypeChecker(cel.Types{Object: typeOf("kubernetes.object", r), Params: p.paramType(policy.Spec.ParamKind)})
	for _, v := range policy.Spec.Variables {
		_ = checker.Define(v.Name, v.Expression, names) // who uses it is warned
	}
	_, err := checker.Compile(text, names, cel.Any)
	return err
}

func typeOf(name string, r *api.Resource) *kubecel.DeclType {
	root, find := openapi.SchemaOf(r)
	return cel.TypeOf(name, root, find)
}

func (p *Policies) paramType(kind *admissionv1.ParamKind) *kubecel.DeclType {
	if kind == nil {
		return nil
	}
	if r := p.Storage.Resources().ForKind(schema.FromAPIVersionAndKind(kind.APIVersion, kind.Kind)); r != nil {
		return typeOf("kubernetes.params", r)
	}
	return nil
}

// resourcesOf returns those that a policy names; not what it means by an asterisk.
func (p *Policies) resourcesOf(policy *admissionv1.ValidatingAdmissionPolicy) []*api.Resource {
	var found []*api.Resource
	constraints := policy.Spec.MatchConstraints
	if constraints == nil {
		return nil
	}
	for _, rule := range constraints.ResourceRules {
		found = append(found, p.resourcesIn(rule.Rule)...)
	}
	slices.SortFunc(found, func(a, b *api.Resource) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Kind, b.Kind))
	})
	return slices.Compact(found)
}

func (p *Policies) resourcesIn(rule admissionv1.Rule) []*api.Resource {
	var found []*api.Resource
	if slices.Contains(rule.APIGroups, "*") || slices.Contains(rule.APIVersions, "*") {
		return nil
	}
	for _, group := range slices.Sorted(slices.Values(rule.APIGroups)) {
		for _, version := range slices.Sorted(slices.Values(rule.APIVersions)) {
			for _, plural := range slices.Sorted(slices.Values(rule.Resources)) {
				r := p.Storage.Resources().Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: plural})
				if r != nil && len(found) < maxTypes {
					found = append(found, r)
				}
			}
		}
	}
	return found
}
