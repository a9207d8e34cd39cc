package auth

import (
	"encoding/json"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

// The paths of the documents by which others check our tokens by themselves
// (OpenID Connect Discovery 1.0; KEP-1393).
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/openid/v1/jwks"
)

// Discovery returns the handler of [DiscoveryPath]. The keys are said to be at
// baseURL, by default the issuer.
func (t *Tokens) Discovery(baseURL string) http.Handler {
	if baseURL == "" {
		baseURL = t.issuer
	}
	return document("application/json", map[string]any{
		"issuer":                                t.issuer,
		"jwks_uri":                              baseURL + KeysPath,
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{string(jose.ES256)},
	})
}

// Keys returns the handler of [KeysPath]: the public key, as a JSON web key set.
func (t *Tokens) Keys() http.Handler {
	return document("application/jwk-set+json", jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{
		Key: &t.key.PublicKey, KeyID: t.keyID, Algorithm: string(jose.ES256), Use: "sig",
	}}})
}

func document(mediaType string, content any) http.Handler {
	data, err := json.Marshal(content)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Write(data)
	})
}
