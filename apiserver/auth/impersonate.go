package auth

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/apiserver"
)

const impersonateExtraPrefix = authenticationv1.ImpersonateUserExtraHeaderPrefix

// Impersonation lets who may do so act as somebody else, by the headers
// Impersonate-User, -Group, -Uid and -Extra-KEY: kubectl's --as. Each value needs
// the verb "impersonate" on it
// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation).
//
// It wraps the authenticator that knows the real user. A refusal is an API
// status of 403.
type Impersonation struct {
	Authenticator apiserver.Authenticator
	Authorizer    apiserver.Authorizer
}

// Authenticate implements apiserver.Authenticator.
func (i Impersonation) Authenticate(r *http.Request) (*apiserver.User, error) {
	real, err := i.Authenticator.Authenticate(r)
	if real == nil || err != nil {
		return real, err
	}
	wanted, err := impersonated(r.Header)
	if wanted == nil || err != nil {
		return real, err
	}
	if err := i.check(r, real, wanted); err != nil {
		return nil, err
	}
	return complete(wanted), nil
}

// impersonated reads the headers. It returns nil if there are none.
func impersonated(header http.Header) (*apiserver.User, error) {
	users := header.Values(authenticationv1.ImpersonateUserHeader)
	user := &apiserver.User{
		Groups: header.Values(authenticationv1.ImpersonateGroupHeader),
		UID:    header.Get(authenticationv1.ImpersonateUIDHeader),
		Extra:  map[string][]string{},
	}
	for key, values := range header {
		if len(key) <= len(impersonateExtraPrefix) || !strings.EqualFold(key[:len(impersonateExtraPrefix)], impersonateExtraPrefix) {
			continue
		}
		extra := strings.ToLower(key[len(impersonateExtraPrefix):])
		if unescaped, err := url.PathUnescape(extra); err == nil {
			extra = unescaped
		}
		user.Extra[extra] = append(user.Extra[extra], values...)
	}
	switch {
	case len(users) > 1:
		return nil, apierrors.NewBadRequest("more than one user to impersonate")
	case len(users) == 1 && users[0] != "":
		user.Name = users[0]
		return user, nil
	case len(users) == 1 || len(user.Groups) > 0 || user.UID != "" || len(user.Extra) > 0:
		return nil, apierrors.NewBadRequest(fmt.Sprintf("requested %v without impersonating a user", user.Groups))
	}
	return nil, nil
}

// check asks the authorizer about each thing that makes up the wanted user.
func (i Impersonation) check(r *http.Request, real, wanted *apiserver.User) error {
	ask := func(group, resource, subresource, namespace, name string) error {
		gvr := schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}
		decision, reason, err := i.Authorizer.Authorize(r.Context(), &apiserver.Attributes{
			User: real, Verb: "impersonate", Resource: gvr, Subresource: subresource, Namespace: namespace, Name: name,
		})
		if decision == apiserver.Allow {
			return nil
		}
		if err != nil {
			reason = err.Error()
		}
		return apierrors.NewForbidden(gvr.GroupResource(), name,
			fmt.Errorf("User %q cannot impersonate resource %q in API group %q%s", real.Name, resource, group, because(reason)))
	}
	if namespace, name, ok := splitServiceAccountUser(wanted.Name); ok {
		if err := ask("", "serviceaccounts", "", namespace, name); err != nil {
			return err
		}
	} else if err := ask("", "users", "", "", wanted.Name); err != nil {
		return err
	}
	for _, group := range wanted.Groups {
		if err := ask("", "groups", "", "", group); err != nil {
			return err
		}
	}
	if wanted.UID != "" {
		if err := ask(authenticationv1.GroupName, "uids", "", "", wanted.UID); err != nil {
			return err
		}
	}
	for key, values := range wanted.Extra {
		for _, value := range values {
			if err := ask(authenticationv1.GroupName, "userextras", key, "", value); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete gives an impersonated user the groups that come with the name.
func complete(user *apiserver.User) *apiserver.User {
	if namespace, _, ok := splitServiceAccountUser(user.Name); ok && len(user.Groups) == 0 {
		user.Groups = serviceAccountGroups(namespace)
	}
	if user.Name == UserAnonymous {
		if !slices.Contains(user.Groups, GroupUnauthenticated) {
			user.Groups = append(slices.Clone(user.Groups), GroupUnauthenticated)
		}
		return user
	}
	if inGroup(user, GroupUnauthenticated) {
		return user
	}
	return authenticated(user)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
