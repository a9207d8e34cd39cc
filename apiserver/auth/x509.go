package auth

import (
	"crypto/x509"
	"fmt"
	"net/http"

	"github.com/coracle-k8s/coracle/apiserver"
)

// X509 authenticates clients by the certificate of their TLS connection: the
// subject's common name is the user, its organizations are the groups.
type X509 struct {
	// Roots are the authorities whose word counts.
	Roots *x509.CertPool
}

// Authenticate implements apiserver.Authenticator. It does not rely on the TLS
// server having verified the chain.
func (a X509) Authenticate(r *http.Request) (*apiserver.User, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, nil
	}
	leaf := r.TLS.PeerCertificates[0]
	opts := x509.VerifyOptions{
		Roots:         a.Roots,
		Intermediates: x509.NewCertPool(),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, cert := range r.TLS.PeerCertificates[1:] {
		opts.Intermediates.AddCert(cert)
	}
	if _, err := leaf.Verify(opts); err != nil {
		return nil, fmt.Errorf("verify client certificate of %q: %w", leaf.Subject.CommonName, err)
	}
	if leaf.Subject.CommonName == "" {
		return nil, fmt.Errorf("verify client certificate: the subject has no common name")
	}
	return authenticated(&apiserver.User{
		Name:   leaf.Subject.CommonName,
		Groups: leaf.Subject.Organization,
		Extra:  map[string][]string{credentialIDKey: {"X509SHA256=" + fingerprint(leaf.Raw)}},
	}), nil
}
