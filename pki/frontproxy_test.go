package pki_test

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/pki"
)

// TestFrontProxyCert is trusted as a front proxy's, and as nobody else's.
func TestFrontProxyCert(t *testing.T) {
	dir := t.TempDir()
	p, err := pki.Open(dir)
	require.NoError(t, err)
	cert, err := p.FrontProxyCert()(nil)
	require.NoError(t, err)
	require.Equal(t, pki.FrontProxyUser, cert.Leaf.Subject.CommonName)

	again, err := pki.Open(dir)
	require.NoError(t, err)
	require.Equal(t, p.FrontProxyCAPEM(), again.FrontProxyCAPEM())
	asClient := x509.VerifyOptions{Roots: again.FrontProxyRoots(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	_, err = cert.Leaf.Verify(asClient)
	require.NoError(t, err)
	asClient.Roots = p.Roots()
	_, err = cert.Leaf.Verify(asClient)
	require.Error(t, err, "a user's authority must not vouch for front proxies")
}
