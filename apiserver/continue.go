package apiserver

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A continueToken says where the next page of a list begins: at which revision,
// and at which key below the kind's prefix. The format is Kubernetes', so that
// a list can go on at another server.
type continueToken struct {
	APIVersion string `json:"v"`
	// Revision is negative in a token that gave up consistency: the rest of
	// the list is then as it is at present.
	Revision int64  `json:"rv"`
	Start    string `json:"start"`
}

const tokenVersion = "meta.k8s.io/v1"

// encode returns the token as a client gets it.
func (t continueToken) encode() string {
	t.APIVersion = tokenVersion
	data, err := json.Marshal(t)
	if err != nil {
		panic("a continue token cannot be marshalled: " + err.Error()) // it has two strings and a number
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// decodeToken reads a token. What it says comes from a client and is believed
// only so far as it stays below the kind's prefix.
func decodeToken(text string) (*continueToken, error) {
	var t continueToken
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	switch {
	case err != nil:
	case t.APIVersion != tokenVersion:
		err = fmt.Errorf("continue key is not valid: server does not recognize this encoded version %q", t.APIVersion)
	case t.Revision == 0:
		err = errors.New("continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
	case t.Start == "" || !staysBelow(t.Start):
		err = errors.New("continue key is not valid: invalid start key")
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("invalid continue token: continue key is not valid: %s",
			strings.TrimPrefix(err.Error(), "continue key is not valid: ")))
	}
	return &t, nil
}

// staysBelow says whether a key relative to a prefix cannot leave it.
func staysBelow(key string) bool {
	clean := path.Clean("/" + key)
	return clean == "/"+key || clean+"/" == "/"+key
}

// expiredToken answers a page whose revision is no longer kept, with a token
// to go on inconsistently, if the client prefers that to starting again.
func expiredToken(start string) error {
	err := apierrors.NewResourceExpired("The provided continue parameter is too old " +
		"to display a consistent list result. You can start a new list without " +
		"the continue parameter, or use the continue token in this response to " +
		"retrieve the remainder of the results. Continuing with the provided " +
		"token results in an inconsistent list - objects that were created, " +
		"modified, or deleted between the time the first chunk was returned " +
		"and now may show up in the list.")
	err.ErrStatus.ListMeta = metav1.ListMeta{Continue: continueToken{Revision: -1, Start: start}.encode()}
	return err
}
