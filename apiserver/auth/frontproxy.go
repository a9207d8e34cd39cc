package auth

import (
	"crypto/x509"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/coracle-k8s/coracle/apiserver"
)

// The headers in which a front proxy says whose request it passes on.
const (
	RemoteUserHeader        = "X-Remote-User"
	RemoteUIDHeader         = "X-Remote-Uid"
	RemoteGroupHeader       = "X-Remote-Group"
	RemoteExtraHeaderPrefix = "X-Remote-Extra-"
)

// FrontProxy authenticates requests that somebody passes on for another, such as an
// API server to one behind it: whoever shows a certificate of the proxies' own
// authority is believed who the headers say. A request without such a
// certificate is none of its business, whatever its headers say.
type FrontProxy struct {
	// Roots are the authorities of proxies. They must sign nobody else.
	Roots *x509.CertPool
	// Names are the common names that a proxy's certificate may have; none
	// means any.
	Names []string
}

// Authenticate implements apiserver.Authenticator.
func (f FrontProxy) Authenticate(r *http.Request) (*apiserver.User, error) {
	name := r.Header.Get(RemoteUserHeader)
	if name == "" || r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, nil
	}
	opts := x509.VerifyOptions{
		Roots: f.Roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, cert := range r.TLS.PeerCertificates[1:] {
		opts.Intermediates.AddCert(cert)
	}
	leaf := r.TLS.PeerCertificates[0]
	if _, err := leaf.Verify(opts); err != nil {
		return nil, nil //nolint:nilerr // it may be a user's certificate
	}
	if len(f.Names) > 0 && !slices.Contains(f.Names, leaf.Subject.CommonName) {
		return nil, nil
	}
	return authenticated(&apiserver.User{
		Name: name, UID: r.Header.Get(RemoteUIDHeader),
		Groups: r.Header.Values(RemoteGroupHeader), Extra: remoteExtra(r.Header),
	}), nil
}

// remoteExtra reads the extra headers. Their names are percent-encoded where a
// header's name cannot have a character.
func remoteExtra(header http.Header) map[string][]string {
	var extra map[string][]string
	for name, values := range header {
		key, found := strings.CutPrefix(name, RemoteExtraHeaderPrefix)
		if !found {
			continue
		}
		key = strings.ToLower(key)
		if plain, err := url.PathUnescape(key); err == nil {
			key = plain
		}
		if extra == nil {
			extra = map[string][]string{}
		}
		extra[key] = append(extra[key], values...)
	}
	return extra
}

// SetRemoteUser puts the user into the headers of a request that is passed on,
// in the place of all that the client has said about itself.
func SetRemoteUser(header http.Header, user *apiserver.User) {
	for name := range header {
		if name == "Authorization" || strings.HasPrefix(name, "Impersonate-") || strings.HasPrefix(name, "X-Remote-") {
			header.Del(name)
		}
	}
	header.Set(RemoteUserHeader, user.Name)
	if user.UID != "" {
		header.Set(RemoteUIDHeader, user.UID)
	}
	for _, group := range user.Groups {
		header.Add(RemoteGroupHeader, group)
	}
	for key, values := range user.Extra {
		for _, value := range values {
			header.Add(RemoteExtraHeaderPrefix+escapeHeaderName(key), value)
		}
	}
}

// escapeHeaderName percent-encodes what is no token by RFC 9110, and the percent
// sign.
func escapeHeaderName(key string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(key) {
		c := key[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$&'*+-.^_`|~", c) >= 0 {
			out.WriteByte(c)
			continue
		}
		out.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return out.String()
}
