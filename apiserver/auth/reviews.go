package auth

import (
	"context"
	"net/http"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/internal/body"
)

// accessReview answers "may somebody do this?" in its three forms.
type accessReview struct{ authorizer apiserver.Authorizer }

// ServeConnect implements apiserver.Connector.
func (a accessReview) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	obj := c.Resource.New()
	if err := body.Read(r, obj); err != nil {
		return err
	}
	if err := c.Admit(obj); err != nil {
		return err
	}
	kind := schema.GroupKind{Group: c.Resource.Group} // of the group alone, as in Kubernetes
	switch review := obj.(type) {
	case *authorizationv1.SelfSubjectAccessReview:
		if errs := validateAccess(review.Spec.ResourceAttributes, review.Spec.NonResourceAttributes); len(errs) > 0 {
			return apierrors.NewInvalid(kind, "", errs)
		}
		review.Status = a.answer(r.Context(), c.User, review.Spec.ResourceAttributes, review.Spec.NonResourceAttributes)
	case *authorizationv1.SubjectAccessReview:
		if errs := validateSubjectAccess(&review.Spec); len(errs) > 0 {
			return apierrors.NewInvalid(kind, "", errs)
		}
		review.Status = a.answer(r.Context(), subjectOf(&review.Spec), review.Spec.ResourceAttributes, review.Spec.NonResourceAttributes)
	case *authorizationv1.LocalSubjectAccessReview:
		errs := validateSubjectAccess(&review.Spec)
		path := field.NewPath("spec")
		if review.Spec.NonResourceAttributes != nil {
			errs = append(errs, field.Invalid(path.Child("nonResourceAttributes"), "", "disallowed on this kind of request"))
		}
		if at := review.Spec.ResourceAttributes; at != nil && at.Namespace != c.Namespace {
			errs = append(errs, field.Invalid(path.Child("resourceAttributes", "namespace"), at.Namespace, "must match metadata.namespace"))
		}
		if len(errs) > 0 {
			return apierrors.NewInvalid(kind, "", errs)
		}
		review.Status = a.answer(r.Context(), subjectOf(&review.Spec), review.Spec.ResourceAttributes, nil)
	}
	return body.Write(w, r, api.Codecs(), http.StatusCreated, obj)
}

func subjectOf(spec *authorizationv1.SubjectAccessReviewSpec) *apiserver.User {
	user := &apiserver.User{Name: spec.User, UID: spec.UID, Groups: spec.Groups, Extra: map[string][]string{}}
	for key, values := range spec.Extra {
		user.Extra[strings.ToLower(key)] = values
	}
	return user
}

func (a accessReview) answer(ctx context.Context, user *apiserver.User, res *authorizationv1.ResourceAttributes, path *authorizationv1.NonResourceAttributes) authorizationv1.SubjectAccessReviewStatus {
	attributes := &apiserver.Attributes{User: user}
	if res != nil {
		attributes.Verb, attributes.Namespace, attributes.Name = res.Verb, res.Namespace, res.Name
		attributes.Resource = schema.GroupVersionResource{Group: res.Group, Version: res.Version, Resource: res.Resource}
		attributes.Subresource = res.Subresource
		if res.FieldSelector != nil {
			attributes.FieldSelector = res.FieldSelector.RawSelector
		}
		if res.LabelSelector != nil {
			attributes.LabelSelector = res.LabelSelector.RawSelector
		}
	} else {
		attributes.Verb, attributes.Path = path.Verb, path.Path
	}
	decision, reason, err := a.authorizer.Authorize(ctx, attributes)
	status := authorizationv1.SubjectAccessReviewStatus{
		Allowed: decision == apiserver.Allow, Denied: decision == apiserver.Deny, Reason: reason,
	}
	if err != nil {
		status.EvaluationError = err.Error()
	}
	return status
}

func validateSubjectAccess(spec *authorizationv1.SubjectAccessReviewSpec) field.ErrorList {
	errs := validateAccess(spec.ResourceAttributes, spec.NonResourceAttributes)
	if spec.User == "" && len(spec.Groups) == 0 {
		errs = append(errs, field.Invalid(field.NewPath("spec", "user"), spec.User, "at least one of user or group must be specified"))
	}
	return errs
}

func validateAccess(res *authorizationv1.ResourceAttributes, path *authorizationv1.NonResourceAttributes) field.ErrorList {
	spec := field.NewPath("spec")
	switch {
	case res != nil && path != nil:
		return field.ErrorList{field.Invalid(spec.Child("nonResourceAttributes"), path.Path, "cannot be specified in combination with resourceAttributes")}
	case res == nil && path == nil:
		return field.ErrorList{field.Invalid(spec, nil, "exactly one of nonResourceAttributes or resourceAttributes must be specified")}
	}
	return nil
}

// rulesReview lists what the asking user may do in a namespace: kubectl auth
// can-i --list.
type rulesReview struct{ rbac RBAC }

// ServeConnect implements apiserver.Connector.
func (a rulesReview) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	review := &authorizationv1.SelfSubjectRulesReview{}
	if err := body.Read(r, review); err != nil {
		return err
	}
	if err := c.Admit(review); err != nil {
		return err
	}
	if review.Spec.Namespace == "" {
		return apierrors.NewBadRequest("no namespace on request")
	}
	rules, err := a.rbac.Rules(r.Context(), c.User, review.Spec.Namespace)
	*review = authorizationv1.SelfSubjectRulesReview{} // the question is not told again, as in Kubernetes
	review.Status = authorizationv1.SubjectRulesReviewStatus{
		ResourceRules:    []authorizationv1.ResourceRule{},
		NonResourceRules: []authorizationv1.NonResourceRule{},
	}
	for _, rule := range rules {
		if len(rule.Resources) > 0 {
			review.Status.ResourceRules = append(review.Status.ResourceRules, authorizationv1.ResourceRule{
				Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources, ResourceNames: rule.ResourceNames,
			})
		}
		if len(rule.NonResourceURLs) > 0 {
			review.Status.NonResourceRules = append(review.Status.NonResourceRules, authorizationv1.NonResourceRule{
				Verbs: rule.Verbs, NonResourceURLs: rule.NonResourceURLs,
			})
		}
	}
	if _, ok := nodeName(c.User); ok {
		review.Status.Incomplete = true
		review.Status.EvaluationError = "node authorizer does not support user rule resolution"
	}
	if err != nil {
		review.Status.Incomplete = true
		review.Status.EvaluationError = err.Error()
	}
	return body.Write(w, r, api.Codecs(), http.StatusCreated, review)
}
