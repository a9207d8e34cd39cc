package pki

import (
	"crypto/tls"
	"sync"
)

// ServerTLS returns the configuration of a server reached under hosts. It asks
// clients for a certificate, which they need not have; one that they show must
// be the authority's or the front proxy's, or the handshake fails. The server's own certificate is
// the one of [PKI.ServerCert] and is renewed in time.
func (p *PKI) ServerTLS(name string, hosts ...string) (*tls.Config, error) {
	current := &renewing{issue: func() (*tls.Certificate, error) { return p.ServerCert(name, hosts...) }}
	if _, err := current.get(); err != nil {
		return nil, err
	}
	clients := p.Roots()
	clients.AddCert(p.frontProxy.ca)
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		ClientAuth:     tls.VerifyClientCertIfGiven,
		ClientCAs:      clients,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.get() },
	}, nil
}

// ClientTLS returns the configuration of a client that is known as user and
// trusts only servers whose certificate the authority signed. Its certificate
// is renewed in time.
func (p *PKI) ClientTLS(user string, groups ...string) (*tls.Config, error) {
	current := &renewing{issue: func() (*tls.Certificate, error) { return p.ClientCert(user, groups...) }}
	if _, err := current.get(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:           tls.VersionTLS12,
		RootCAs:              p.Roots(),
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return current.get() },
	}, nil
}

// renewing is a certificate that is replaced when it gets old.
type renewing struct {
	issue func() (*tls.Certificate, error)

	mu   sync.Mutex // guards cert
	cert *tls.Certificate
}

func (r *renewing) get() (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cert != nil && !aging(r.cert.Leaf) {
		return r.cert, nil
	}
	cert, err := r.issue()
	if err != nil {
		return nil, err
	}
	r.cert = cert
	return cert, nil
}
