package cel

import (
	"context"

	"github.com/google/cel-go/common/types/ref"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/cel/library"

	"github.com/coracle-k8s/coracle/apiserver"
)

// Authorizers returns the values of authorizer, which asks by the way of auth
// what a request's user may do, and of authorizer.requestResource.
func Authorizers(auth apiserver.Authorizer, a *apiserver.Admission) (all, requestResource ref.Val) {
	who := userInfo(a.User)
	asked := bridge{auth}
	return library.NewAuthorizerVal(who, asked), library.NewResourceAuthorizerVal(who, asked, admitted{a})
}

// A bridge leads from the authorizer that the libraries know to ours.
type bridge struct{ ours apiserver.Authorizer }

// Authorize implements the libraries' authorizer.
func (b bridge) Authorize(ctx context.Context, q authorizer.Attributes) (authorizer.Decision, string, error) {
	if b.ours == nil {
		return authorizer.DecisionNoOpinion, "there is no authorizer", nil
	}
	attributes := &apiserver.Attributes{User: ourUser(q.GetUser()), Verb: q.GetVerb()}
	if q.IsResourceRequest() {
		attributes.Resource = schema.GroupVersionResource{
			Group: q.GetAPIGroup(), Version: q.GetAPIVersion(), Resource: q.GetResource(),
		}
		attributes.Subresource, attributes.Namespace, attributes.Name = q.GetSubresource(), q.GetNamespace(), q.GetName()
		attributes.FieldSelector, attributes.LabelSelector = selectors(q)
	} else {
		attributes.Path = q.GetPath()
	}
	decision, reason, err := b.ours.Authorize(ctx, attributes)
	switch decision {
	case apiserver.Allow:
		return authorizer.DecisionAllow, reason, err
	case apiserver.Deny:
		return authorizer.DecisionDeny, reason, err
	default:
		return authorizer.DecisionNoOpinion, reason, err
	}
}

// selectors returns the selectors of a question as text. What cannot be read
// narrows nothing.
func selectors(q authorizer.Attributes) (field, label string) {
	if requirements, err := q.GetFieldSelector(); err == nil && len(requirements) > 0 {
		var terms []fields.Selector
		for _, r := range requirements {
			if r.Operator == "!=" {
				terms = append(terms, fields.OneTermNotEqualSelector(r.Field, r.Value))
			} else {
				terms = append(terms, fields.OneTermEqualSelector(r.Field, r.Value))
			}
		}
		field = fields.AndSelectors(terms...).String()
	}
	if requirements, err := q.GetLabelSelector(); err == nil && len(requirements) > 0 {
		label = labels.NewSelector().Add(requirements...).String()
	}
	return field, label
}

func userInfo(u *apiserver.User) user.Info {
	if u == nil {
		return &user.DefaultInfo{}
	}
	return &user.DefaultInfo{Name: u.Name, UID: u.UID, Groups: u.Groups, Extra: u.Extra}
}

func ourUser(u user.Info) *apiserver.User {
	return &apiserver.User{Name: u.GetName(), UID: u.GetUID(), Groups: u.GetGroups(), Extra: u.GetExtra()}
}

// admitted is the resource of a request, as the libraries ask for it.
type admitted struct{ a *apiserver.Admission }

func (r admitted) GetName() string      { return r.a.Name }
func (r admitted) GetNamespace() string { return r.a.Namespace }
func (r admitted) GetResource() schema.GroupVersionResource {
	return r.a.Resource.GroupVersionResource()
}
func (r admitted) GetSubresource() string { return r.a.Subresource }
