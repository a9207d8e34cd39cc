package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/coracle-k8s/coracle/apiserver"
)

// credentialIDKey is the extra that says which credential a request came with,
// so that an audit can tell two tokens of one user apart (KEP-4193).
const credentialIDKey = "authentication.kubernetes.io/credential-id"

// errCredentials answers credentials that nobody knows. It does not say more:
// who guesses should not learn from it.
var errCredentials = errors.New("invalid credentials")

// Anonymous comes last of all authenticators: it takes whoever showed no credentials for
// [UserAnonymous], and refuses credentials that nobody before it knew.
type Anonymous struct{}

// Authenticate implements apiserver.Authenticator.
func (Anonymous) Authenticate(r *http.Request) (*apiserver.User, error) {
	if len(r.Header.Values("Authorization")) > 0 {
		return nil, errCredentials
	}
	return &apiserver.User{Name: UserAnonymous, Groups: []string{GroupUnauthenticated}}, nil
}

// bearerToken returns the token of the Authorization header, or "". Two
// Authorization headers are refused: a proxy in front of us may have looked at
// the other one.
func bearerToken(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", errors.New("more than one Authorization header")
	}
	scheme, token, found := strings.Cut(strings.TrimSpace(values[0]), " ")
	if !found || !strings.EqualFold(scheme, "bearer") {
		return "", nil
	}
	return strings.TrimSpace(token), nil
}

func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
