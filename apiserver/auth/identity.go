package auth

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/internal/body"
)

// selfReview answers "who am I?": kubectl auth whoami.
type selfReview struct{}

// ServeConnect implements apiserver.Connector.
func (selfReview) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	review := &authenticationv1.SelfSubjectReview{}
	if err := body.Read(r, review); err != nil {
		return err
	}
	if err := c.Admit(review); err != nil {
		return err
	}
	review.CreationTimestamp = metav1.Now().Rfc3339Copy()
	review.Status.UserInfo = c.User.Info()
	return body.Write(w, r, api.Codecs(), http.StatusCreated, review)
}

// tokenReview answers "whose token is this?", for servers that trust this one
// to know: kubelets and extension API servers.
type tokenReview struct {
	tokens    *Tokens
	bootstrap BootstrapTokens
}

// ServeConnect implements apiserver.Connector.
func (t tokenReview) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	review := &authenticationv1.TokenReview{}
	if err := body.Read(r, review); err != nil {
		return err
	}
	if err := c.Admit(review); err != nil {
		return err
	}
	if review.Spec.Token == "" {
		return apierrors.NewBadRequest("token is required for TokenReview in authentication")
	}
	user, audiences, err := t.verify(r.Context(), review.Spec.Token, review.Spec.Audiences)
	review.Status = authenticationv1.TokenReviewStatus{}
	if err != nil {
		review.Status.Error = err.Error()
	} else {
		review.Status.Authenticated = true
		review.Status.User = user.Info()
		review.Status.Audiences = audiences
	}
	return body.Write(w, r, api.Codecs(), http.StatusCreated, review)
}

// verify returns whose token it is and for which of the audiences it is good. A
// bootstrap token is for the API server's own alone.
func (t tokenReview) verify(ctx context.Context, token string, audiences []string) (*apiserver.User, []string, error) {
	user, err := t.bootstrap.user(ctx, token)
	if err == nil && user == nil {
		return t.tokens.Verify(ctx, token, audiences)
	}
	if len(audiences) == 0 {
		return user, nil, err
	}
	fit := slices.DeleteFunc(slices.Clone(audiences), func(audience string) bool { return !slices.Contains(t.tokens.audiences, audience) })
	if err == nil && len(fit) == 0 {
		return nil, nil, fmt.Errorf("token audiences %q is invalid for the target audiences %q", t.tokens.audiences, audiences)
	}
	return user, fit, err
}
