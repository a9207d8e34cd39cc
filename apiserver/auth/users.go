package auth

import (
	"context"
	"net/http"
	"slices"

	"github.com/coracle-k8s/coracle/apiserver"
)

// Names that every cluster knows. Those of the components are in package pki.
const (
	// UserAnonymous is who sent a request without credentials.
	UserAnonymous = "system:anonymous"

	// GroupMasters may do everything.
	GroupMasters = "system:masters"
	// GroupAuthenticated has everybody but the anonymous in it, who are in
	// GroupUnauthenticated.
	GroupAuthenticated   = "system:authenticated"
	GroupUnauthenticated = "system:unauthenticated"
	// GroupNodes has the kubelets in it, as users named nodeUserPrefix + node.
	GroupNodes = "system:nodes"
	// GroupServiceAccounts has all service accounts in it; those of one
	// namespace are also in the group of this name with ":NAMESPACE" at its end.
	GroupServiceAccounts = "system:serviceaccounts"

	nodeUserPrefix           = "system:node:"
	serviceAccountUserPrefix = "system:serviceaccount:"
)

// ServiceAccountUser returns the user name of a service account.
func ServiceAccountUser(namespace, name string) string {
	return serviceAccountUserPrefix + namespace + ":" + name
}

// Server returns who the API server is when it sends requests to itself.
func Server() *apiserver.User {
	return &apiserver.User{Name: "system:apiserver", Groups: []string{GroupMasters}}
}

// authenticated returns the user as a member of system:authenticated. The
// argument stays as it is.
func authenticated(user *apiserver.User) *apiserver.User {
	if user.Name == UserAnonymous || slices.Contains(user.Groups, GroupAuthenticated) {
		return user
	}
	member := *user
	member.Groups = append(slices.Clone(user.Groups), GroupAuthenticated)
	return &member
}

// inGroup reports whether the user, who may be nil, is a member.
func inGroup(user *apiserver.User, group string) bool {
	return user != nil && slices.Contains(user.Groups, group)
}

type userKey struct{}

// WithUser returns a context whose requests are the user's, for calls within
// the process. Nothing that comes over the network can make such a context:
// the key is known to this package alone.
func WithUser(ctx context.Context, user *apiserver.User) context.Context {
	return context.WithValue(ctx, userKey{}, user)
}

// As returns a handler that passes every request on to h as the user's. Put it
// between an in-memory transport and the server; never behind a listener.
func As(user *apiserver.User, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(WithUser(r.Context(), user)))
	})
}

// InProcess is the authenticator of [WithUser].
type InProcess struct{}

// Authenticate implements apiserver.Authenticator.
func (InProcess) Authenticate(r *http.Request) (*apiserver.User, error) {
	user, _ := r.Context().Value(userKey{}).(*apiserver.User)
	if user == nil {
		return nil, nil
	}
	return authenticated(user), nil
}
