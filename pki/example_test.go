package pki_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/coracle-k8s/coracle/pki"
)

func Example() {
	p, err := pki.New() // pki.Open(dir) keeps it
	if err != nil {
		panic(err)
	}
	cert, err := p.ClientCert(pki.NodeUser("node-1"), pki.GroupNodes)
	if err != nil {
		panic(err)
	}
	fmt.Println("user: ", cert.Leaf.Subject.CommonName)
	fmt.Println("group:", cert.Leaf.Subject.Organization[0])
	fmt.Println("trusted:", cert.Leaf.CheckSignatureFrom(mustParse(p)) == nil)
	// Output:
	// user:  system:node:node-1
	// group: system:nodes
	// trusted: true
}

// mustParse returns the authority's certificate.
func mustParse(p *pki.PKI) *x509.Certificate {
	block, _ := pem.Decode(p.CAPEM())
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		panic(err)
	}
	return cert
}
