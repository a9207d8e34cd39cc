package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// The keys of a bootstrap token's secret
// (https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/).
const (
	bootstrapSecretType   = "bootstrap.kubernetes.io/token"
	bootstrapSecretPrefix = "bootstrap-token-"
	bootstrapUserPrefix   = "system:bootstrap:"
	// GroupBootstrappers has all bearers of bootstrap tokens in it.
	GroupBootstrappers = "system:bootstrappers"
)

// BootstrapTokens authenticates machines that are about to join a cluster. Such
// a token has two parts, ID.SECRET, and is kept in a secret of kube-system which
// says what it is good for and until when:
//
//	Secret kube-system/bootstrap-token-ID     type bootstrap.kubernetes.io/token
//	  token-id, token-secret
//	  usage-bootstrap-authentication: "true"
//	  expiration: 2026-01-01T00:00:00Z        or without end
//	  auth-extra-groups: system:bootstrappers:NAME,...
//
// Whoever bears it is system:bootstrap:ID in the group system:bootstrappers, and may
// do what is bound to that: ask for a certificate, usually.
type BootstrapTokens struct {
	Objects apiserver.Objects
}

// Authenticate implements apiserver.Authenticator. A token of the form that no
// secret fits is left to others, so that all bad tokens end the same.
func (b BootstrapTokens) Authenticate(r *http.Request) (*apiserver.User, error) {
	token, err := bearerToken(r)
	if err != nil || token == "" {
		return nil, err
	}
	return b.user(r.Context(), token)
}

// user returns who bears the token, or nil.
func (b BootstrapTokens) user(ctx context.Context, token string) (*apiserver.User, error) {
	id, secretPart, ok := parseBootstrapToken(token)
	if !ok {
		return nil, nil
	}
	secret, err := typed.Get[*corev1.Secret](ctx, b.Objects, metav1.NamespaceSystem, bootstrapSecretPrefix+id)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := checkBootstrapSecret(secret, id, secretPart); err != nil {
		return nil, fmt.Errorf("bootstrap token %s: %w", id, err)
	}
	groups, err := bootstrapGroups(string(secret.Data["auth-extra-groups"]))
	if err != nil {
		return nil, fmt.Errorf("bootstrap token %s: %w", id, err)
	}
	return authenticated(&apiserver.User{Name: bootstrapUserPrefix + id, Groups: groups}), nil
}

// parseBootstrapToken takes ID.SECRET apart: 6 and 16 small letters and digits.
func parseBootstrapToken(token string) (id, secret string, ok bool) {
	id, secret, _ = strings.Cut(token, ".")
	plain := func(c rune) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' }
	odd := func(c rune) bool { return !plain(c) }
	return id, secret, len(id) == 6 && len(secret) == 16 && !strings.ContainsFunc(id+secret, odd)
}

// checkBootstrapSecret says why a token is no good. The secret part is compared
// in a time that tells nothing.
func checkBootstrapSecret(s *corev1.Secret, id, secret string) error {
	switch {
	case s.DeletionTimestamp != nil:
		return errors.New("its secret is being deleted")
	case s.Type != bootstrapSecretType:
		return fmt.Errorf("its secret has the type %q", s.Type)
	case subtle.ConstantTimeCompare(s.Data["token-secret"], []byte(secret)) != 1:
		return errCredentials
	case string(s.Data["token-id"]) != id:
		return errors.New("its secret has another id than its name")
	case string(s.Data["usage-bootstrap-authentication"]) != "true":
		return errors.New("it is not meant for authentication")
	}
	if until := string(s.Data["expiration"]); until != "" {
		end, err := time.Parse(time.RFC3339, until)
		if err != nil {
			return fmt.Errorf("its expiration: %w", err)
		}
		if !time.Now().Before(end) {
			return errors.New("it has expired")
		}
	}
	return nil
}

// bootstrapGroups are those all bearers are in and those that the secret adds, of
// which all have the same beginning: a token cannot make its bearer a master.
func bootstrapGroups(extra string) ([]string, error) {
	groups := []string{GroupBootstrappers}
	if extra == "" {
		return groups, nil
	}
	form := regexp.MustCompile(`^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$`)
	for name := range strings.SplitSeq(extra, ",") {
		name = strings.TrimSpace(name)
		if !form.MatchString(name) {
			return nil, fmt.Errorf("%q is not a group of bootstrappers", name)
		}
		if !slices.Contains(groups, name) {
			groups = append(groups, name)
		}
	}
	slices.Sort(groups)
	return groups, nil
}
