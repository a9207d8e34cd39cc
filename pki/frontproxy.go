package pki

import (
	"crypto/tls"
	"crypto/x509"
)

// FrontProxyUser is the common name of the certificate with which an API server
// passes requests on to another.
const FrontProxyUser = "front-proxy-client"

// FrontProxyCAPEM returns the certificate of the authority that signs front proxies'
// certificates, in PEM form. It must not be changed.
func (p *PKI) FrontProxyCAPEM() []byte { return p.frontProxy.caPEM }

// FrontProxyRoots returns a new pool that trusts the authority of front proxies
// and nobody else.
func (p *PKI) FrontProxyRoots() *x509.CertPool { return p.frontProxy.Roots() }

// FrontProxyCert returns a function that gives the certificate of a front proxy,
// for the GetClientCertificate of its TLS configurations. It is renewed in time.
func (p *PKI) FrontProxyCert() func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	current := &renewing{issue: func() (*tls.Certificate, error) { return p.frontProxy.ClientCert(FrontProxyUser) }}
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return current.get() }
}
