package auth

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coracle-k8s/coracle/apiserver"
)

// maxVerified is how many certificates are remembered as good.
const maxVerified = 4096

// X509 authenticates clients by the certificate of their TLS connection: the
// subject's common name is the user, its organizations are the groups.
//
// To verify a signature takes longer than to answer most requests. So a
// certificate that was good is good until it, or one in its chain, runs out.
type X509 struct {
	// Roots are the authorities whose word counts. They do not change.
	Roots *x509.CertPool

	mu       sync.Mutex // guards verified
	verified map[[sha256.Size]byte]verified
}

// A verified is a certificate that was found good.
type verified struct {
	user  *apiserver.User // shared
	until time.Time
}

// Authenticate implements apiserver.Authenticator. It does not rely on the TLS
// server having verified the chain.
func (a *X509) Authenticate(r *http.Request) (*apiserver.User, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, nil
	}
	chain := r.TLS.PeerCertificates
	digest := digestOf(chain)
	if user := a.recall(digest); user != nil {
		return user, nil
	}
	until, err := a.verify(chain)
	if err != nil {
		return nil, fmt.Errorf("verify client certificate of %q: %w", chain[0].Subject.CommonName, err)
	}
	if chain[0].Subject.CommonName == "" {
		return nil, fmt.Errorf("verify client certificate: the subject has no common name")
	}
	user := authenticated(&apiserver.User{
		Name:   chain[0].Subject.CommonName,
		Groups: chain[0].Subject.Organization,
		Extra:  map[string][]string{credentialIDKey: {"X509SHA256=" + fingerprint(chain[0].Raw)}},
	})
	a.remember(digest, verified{user, until})
	return user, nil
}

// verify returns until when a chain, the client's certificate first, is good.
func (a *X509) verify(chain []*x509.Certificate) (time.Time, error) {
	opts := x509.VerifyOptions{
		Roots:         a.Roots,
		Intermediates: x509.NewCertPool(),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, cert := range chain[1:] {
		opts.Intermediates.AddCert(cert)
	}
	found, err := chain[0].Verify(opts)
	if err != nil {
		return time.Time{}, err
	}
	until := chain[0].NotAfter
	for _, cert := range found[0] {
		if cert.NotAfter.Before(until) {
			until = cert.NotAfter
		}
	}
	return until, nil
}

// digestOf is the same only for the same certificates in the same order.
func digestOf(chain []*x509.Certificate) [sha256.Size]byte {
	if len(chain) == 1 {
		return sha256.Sum256(chain[0].Raw)
	}
	all := sha256.New()
	for _, cert := range chain {
		all.Write(cert.Raw) // each says its own length
	}
	return [sha256.Size]byte(all.Sum(nil))
}

func (a *X509) recall(digest [sha256.Size]byte) *apiserver.User {
	a.mu.Lock()
	defer a.mu.Unlock()
	found, ok := a.verified[digest]
	if !ok || time.Now().After(found.until) {
		return nil
	}
	return found.user
}

// remember keeps a verdict, and forgets all others when there are too many.
func (a *X509) remember(digest [sha256.Size]byte, found verified) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.verified == nil || len(a.verified) >= maxVerified {
		a.verified = map[[sha256.Size]byte]verified{}
	}
	a.verified[digest] = found
}
