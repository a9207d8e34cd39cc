package apiserver

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

type userKey struct{}

// WithUser returns a context that carries who sent a request.
func WithUser(ctx context.Context, user *User) context.Context {
	return context.WithValue(ctx, userKey{}, user)
}

// UserFrom returns who sent the request of the context, or nil. It is how a
// [Group]'s handler and a hook find out.
func UserFrom(ctx context.Context) *User {
	user, _ := ctx.Value(userKey{}).(*User)
	return user
}

// authenticate asks the authenticators in order. Whom nobody knows is refused;
// an authenticator of anonymous users, at the end, is what lets strangers in.
func (s *Server) authenticate(r *http.Request) (*User, error) {
	for _, a := range s.Authenticators {
		user, err := a.Authenticate(r)
		if err != nil {
			s.Logger.Info("a request's credentials were refused", "path", r.URL.Path, "err", err)
			return nil, apierrors.NewUnauthorized("Unauthorized")
		}
		if user != nil {
			return user, nil
		}
	}
	return nil, apierrors.NewUnauthorized("Unauthorized")
}

// authorize asks whether the request may happen. Reading a stream out of a pod
// and writing into it are one thing over a WebSocket, so a GET of those needs
// the right to create as well.
func (s *Server) authorize(q *request) error {
	attributes := q.info.attributes(q.user, q.URL.Query())
	decision, reason := s.decide(q.Context(), attributes)
	q.trail.decided(decision, reason)
	if decision != Allow {
		return forbidden(attributes, reason)
	}
	switch q.info.Subresource {
	case "exec", "attach", "portforward":
		if q.info.Resource == "pods" && q.info.Verb == "get" {
			asCreate := *attributes
			asCreate.Verb = "create"
			return s.allow(q.Context(), &asCreate)
		}
	}
	return nil
}

// allow is nil if the authorizer allows it. What it has no opinion on is denied.
func (s *Server) allow(ctx context.Context, a *Attributes) error {
	if decision, reason := s.decide(ctx, a); decision != Allow {
		return forbidden(a, reason)
	}
	return nil
}

// decide asks the authorizer. An error of it is in the reason.
func (s *Server) decide(ctx context.Context, a *Attributes) (decision Decision, reason string) {
	if s.Authorizer != nil {
		var err error
		if decision, reason, err = s.Authorizer.Authorize(ctx, a); err != nil {
			s.Logger.Log(ctx, severity(ctx, slog.LevelWarn, err), "authorizer failed", "user", a.User.Name, "err", err)
			reason = strings.TrimSpace(reason + " " + err.Error())
		}
	}
	return decision, reason
}

// forbidden is the refusal in Kubernetes' words.
func forbidden(a *Attributes, reason string) error {
	if a.Path != "" {
		err := apierrors.NewForbidden(schema.GroupResource{}, "", nil)
		err.ErrStatus.Message = suffix(fmt.Sprintf("forbidden: User %q cannot %s path %q", a.User.Name, a.Verb, a.Path), reason)
		return err
	}
	resource := a.Resource.Resource
	if a.Subresource != "" {
		resource += "/" + a.Subresource
	}
	scope := "at the cluster scope"
	if a.Namespace != "" {
		scope = fmt.Sprintf("in the namespace %q", a.Namespace)
	}
	return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, fmt.Errorf("%s",
		suffix(fmt.Sprintf("User %q cannot %s resource %q in API group %q %s",
			a.User.Name, a.Verb, resource, a.Resource.Group, scope), reason)))
}

func suffix(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + ": " + reason
}
