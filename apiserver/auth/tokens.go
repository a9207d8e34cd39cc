package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/coracle-k8s/coracle/apiserver"
)

// DefaultIssuer is who tokens say they come from, unless told otherwise.
const DefaultIssuer = "https://kubernetes.default.svc.cluster.local"

// Tokens issues and checks service account tokens: JSON web tokens (RFC 7519)
// signed with ES256, each for some audiences, for a limited time and, if bound,
// only as long as the pod, secret or node that it was made for exists.
//
// It is safe for concurrent use.
type Tokens struct {
	issuer    string
	audiences []string
	key       *ecdsa.PrivateKey
	keyID     string
	signer    jose.Signer
	objects   apiserver.Objects
}

// NewTokens returns a maker of tokens. The issuer is a URL, by default
// [DefaultIssuer]. The audiences are the names under which the API server
// accepts tokens, by default the issuer.
func NewTokens(key *ecdsa.PrivateKey, issuer string, audiences []string, objects apiserver.Objects) (*Tokens, error) {
	if issuer == "" {
		issuer = DefaultIssuer
	}
	if len(audiences) == 0 {
		audiences = []string{issuer}
	}
	id, err := keyID(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("token signing key: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.ES256,
		Key:       jose.JSONWebKey{Key: key, KeyID: id, Algorithm: string(jose.ES256)},
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("token signing key: %w", err)
	}
	return &Tokens{issuer: issuer, audiences: audiences, key: key, keyID: id, signer: signer, objects: objects}, nil
}

// keyID names a key by the hash of its public half, as Kubernetes does.
func keyID(key *ecdsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// claims is what a token says.
type claims struct {
	jwt.Claims
	Kubernetes bindings `json:"kubernetes.io"`
}

// bindings are the objects a token speaks for and stands and falls with.
type bindings struct {
	Namespace      string `json:"namespace"`
	ServiceAccount ref    `json:"serviceaccount"`
	Pod            *ref   `json:"pod,omitempty"`
	Secret         *ref   `json:"secret,omitempty"`
	Node           *ref   `json:"node,omitempty"`
}

// A ref names one object, not another of the same name that came later.
type ref struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// issue signs a token for the bindings that is good from now on. The id is in it, so
// that auditors can tell what it was used for.
func (t *Tokens) issue(id string, b bindings, audiences []string, life time.Duration) (string, time.Time, error) {
	now := time.Now()
	expires := now.Add(life)
	token, err := jwt.Signed(t.signer).Claims(claims{
		Claims: jwt.Claims{
			ID:        id,
			Issuer:    t.issuer,
			Subject:   ServiceAccountUser(b.Namespace, b.ServiceAccount.Name),
			Audience:  audiences,
			IssuedAt:  jwt.NewNumericDate(now),
			NotBefore: jwt.NewNumericDate(now),
			Expiry:    jwt.NewNumericDate(expires),
		},
		Kubernetes: b,
	}).Serialize()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign token: %w", err)
	}
	return token, expires, nil
}

// Authenticate implements apiserver.Authenticator for bearer tokens. A token
// that does not say it is from our issuer is left to others.
func (t *Tokens) Authenticate(r *http.Request) (*apiserver.User, error) {
	token, err := bearerToken(r)
	if err != nil {
		return nil, err
	}
	if token == "" || !t.claimsOurs(token) {
		return nil, nil
	}
	user, _, err := t.Verify(r.Context(), token, nil)
	return user, err
}

// claimsOurs reads the issuer without believing anything.
func (t *Tokens) claimsOurs(token string) bool {
	parsed, err := jwt.ParseSigned(token, anyAlgorithm)
	if err != nil {
		return strings.Count(token, ".") == 2 // damaged, or unsigned: Verify says no
	}
	var c jwt.Claims
	return parsed.UnsafeClaimsWithoutVerification(&c) == nil && c.Issuer == t.issuer
}

// anyAlgorithm are the signatures that tokens of other issuers may have.
var anyAlgorithm = []jose.SignatureAlgorithm{
	jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.RS384, jose.RS512,
	jose.PS256, jose.PS384, jose.PS512, jose.EdDSA, jose.HS256, jose.HS384, jose.HS512,
}

// Verify checks a token for any of the audiences, by default those of the API
// server, and returns who it speaks for and the audiences that fit.
func (t *Tokens) Verify(ctx context.Context, token string, audiences []string) (*apiserver.User, []string, error) {
	if len(audiences) == 0 {
		audiences = t.audiences
	}
	c, err := t.read(token)
	if err != nil {
		return nil, nil, err
	}
	var fit []string
	for _, audience := range audiences {
		if slices.Contains(c.Audience, audience) {
			fit = append(fit, audience)
		}
	}
	if len(fit) == 0 {
		return nil, nil, fmt.Errorf("token audiences %q is invalid for the target audiences %q", []string(c.Audience), audiences)
	}
	if err := t.checkBindings(ctx, &c.Kubernetes); err != nil {
		return nil, nil, err
	}
	return userOf(c), fit, nil
}

// read checks all about a token that can be told from the token itself. Only
// ES256 is accepted, whatever the token's header asks for (RFC 8725, 3.1).
func (t *Tokens) read(token string) (*claims, error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, errors.New("invalid bearer token")
	}
	c := &claims{}
	if err := parsed.Claims(&t.key.PublicKey, c); err != nil {
		return nil, errors.New("invalid bearer token")
	}
	switch {
	case c.Issuer != t.issuer:
		return nil, errors.New("invalid bearer token: wrong issuer")
	case c.Expiry == nil:
		return nil, errors.New("invalid bearer token: it has no expiry")
	case c.Kubernetes.Namespace == "" || c.Kubernetes.ServiceAccount.Name == "",
		c.Subject != ServiceAccountUser(c.Kubernetes.Namespace, c.Kubernetes.ServiceAccount.Name):
		return nil, errors.New("invalid bearer token: subject and service account differ")
	}
	if err := c.ValidateWithLeeway(jwt.Expected{Time: time.Now()}, clockLeeway); err != nil {
		return nil, fmt.Errorf("invalid bearer token: %w", err)
	}
	// The leeway is for a clock that is behind. An expired token has expired.
	if !time.Now().Before(c.Expiry.Time()) {
		return nil, errors.New("invalid bearer token: token has expired")
	}
	return c, nil
}

// clockLeeway is how far ahead the clock of another API server may be.
const clockLeeway = time.Minute

func userOf(c *claims) *apiserver.User {
	extra := map[string][]string{credentialIDKey: {"JTI=" + c.ID}}
	add := func(what string, r *ref) {
		if r == nil {
			return
		}
		extra["authentication.kubernetes.io/"+what+"-name"] = []string{r.Name}
		if r.UID != "" {
			extra["authentication.kubernetes.io/"+what+"-uid"] = []string{r.UID}
		}
	}
	add("pod", c.Kubernetes.Pod)
	add("node", c.Kubernetes.Node)
	return authenticated(&apiserver.User{
		Name:   c.Subject,
		UID:    c.Kubernetes.ServiceAccount.UID,
		Groups: serviceAccountGroups(c.Kubernetes.Namespace),
		Extra:  extra,
	})
}

func serviceAccountGroups(namespace string) []string {
	return []string{GroupServiceAccounts, GroupServiceAccounts + ":" + namespace}
}

// newUUID returns a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
