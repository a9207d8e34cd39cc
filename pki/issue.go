package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// signCA makes the authority's own certificate for its key.
func (p *PKI) signCA(commonName string) error {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		BasicConstraintsValid: true,
		IsCA:                  true,
		NotAfter:              time.Now().Add(caLifetime),
	}
	if p.ca != nil {
		template.Subject = p.ca.Subject
	}
	der, err := sign(template, template, p.caKey.Public(), p.caKey)
	if err != nil {
		return fmt.Errorf("sign authority: %w", err)
	}
	if p.ca, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("sign authority: %w", err)
	}
	p.caPEM = encodePEM("CERTIFICATE", der)
	return p.write(p.name+".crt", p.caPEM)
}

// ServerCert returns the certificate for a server that is reached under hosts,
// DNS names and IP addresses. It is kept as NAME.crt and NAME.key; one that is
// there is used again while it is young and covers all hosts.
func (p *PKI) ServerCert(name string, hosts ...string) (*tls.Certificate, error) {
	if len(hosts) == 0 {
		return nil, fmt.Errorf("server certificate %s: no host named", name)
	}
	p.issued.Lock()
	defer p.issued.Unlock()

	if cert, err := p.loadServerCert(name, hosts); cert != nil || err != nil {
		return cert, err
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	putHosts(template, hosts)
	cert, err := p.issue(template)
	if err != nil {
		return nil, fmt.Errorf("server certificate %s: %w", name, err)
	}
	err = errors.Join(
		p.writeKey(name+".key", cert.PrivateKey.(crypto.Signer)),
		p.write(name+".crt", encodePEM("CERTIFICATE", cert.Leaf.Raw)))
	return cert, err
}

// putHosts makes a certificate one for servers under hosts.
func putHosts(cert *x509.Certificate, hosts []string) {
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		} else {
			cert.DNSNames = append(cert.DNSNames, host)
		}
	}
}

// loadServerCert returns the stored certificate, or nil if a new one is due.
// Files that do not fit each other are what a crash between writing the two
// leaves behind; a server certificate loses nothing by being made anew.
func (p *PKI) loadServerCert(name string, hosts []string) (*tls.Certificate, error) {
	if !p.exists(name+".crt") || !p.exists(name+".key") {
		return nil, nil
	}
	certPEM, err := p.read(name + ".crt")
	if err != nil {
		return nil, err
	}
	keyPEM, err := p.read(name + ".key")
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, nil
	}
	if aging(cert.Leaf) || !p.serves(cert.Leaf, hosts) {
		return nil, nil
	}
	return &cert, nil
}

// serves reports whether our authority signed cert for all the hosts.
func (p *PKI) serves(cert *x509.Certificate, hosts []string) bool {
	if cert.CheckSignatureFrom(p.ca) != nil {
		return false
	}
	for _, host := range hosts {
		if cert.VerifyHostname(host) != nil {
			return false
		}
	}
	return true
}

// ClientCert signs a certificate that says who its bearer is. It is not kept.
func (p *PKI) ClientCert(user string, groups ...string) (*tls.Certificate, error) {
	return p.clientCert(user, groups, nil)
}

// clientCert is ClientCert for a user that is a server under hosts too.
func (p *PKI) clientCert(user string, groups, hosts []string) (*tls.Certificate, error) {
	if user == "" {
		return nil, errors.New("client certificate: no user named")
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(hosts) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		putHosts(template, hosts)
	}
	cert, err := p.issue(template)
	if err != nil {
		return nil, fmt.Errorf("client certificate %s: %w", user, err)
	}
	return cert, nil
}

// issue makes a key and signs template for it.
func (p *PKI) issue(template *x509.Certificate) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	template.NotAfter = time.Now().Add(certLifetime)
	if template.NotAfter.After(p.ca.NotAfter) {
		template.NotAfter = p.ca.NotAfter
	}
	der, err := sign(template, p.ca, key.Public(), p.caKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// SignRequest returns a certificate (PEM) for the subject, names and key of a
// request whose signature has been checked. It is never one of an authority, and
// no better than what the caller names: the request's own wishes beyond
// names count for nothing. It ends with the authority's certificate at the latest.
func (p *PKI) SignRequest(request *x509.CertificateRequest, usage x509.KeyUsage, extended []x509.ExtKeyUsage, life time.Duration) ([]byte, error) {
	template := &x509.Certificate{
		Subject:               request.Subject,
		DNSNames:              request.DNSNames,
		IPAddresses:           request.IPAddresses,
		EmailAddresses:        request.EmailAddresses,
		URIs:                  request.URIs,
		KeyUsage:              usage,
		ExtKeyUsage:           extended,
		BasicConstraintsValid: true,
		NotAfter:              time.Now().Add(life),
	}
	if template.NotAfter.After(p.ca.NotAfter) {
		template.NotAfter = p.ca.NotAfter
	}
	if !time.Now().Before(template.NotAfter) {
		return nil, fmt.Errorf("the signer has expired: NotAfter=%v", p.ca.NotAfter)
	}
	der, err := sign(template, p.ca, request.PublicKey, p.caKey)
	if err != nil {
		return nil, fmt.Errorf("sign certificate of %q: %w", request.Subject.CommonName, err)
	}
	return encodePEM("CERTIFICATE", der), nil
}

func sign(template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-clockSkew)
	return x509.CreateCertificate(rand.Reader, template, parent, pub, key)
}

// aging reports whether less than a third of a certificate's life is left.
func aging(cert *x509.Certificate) bool {
	return time.Until(cert.NotAfter) < cert.NotAfter.Sub(cert.NotBefore)/3
}
