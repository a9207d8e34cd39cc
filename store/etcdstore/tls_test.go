package etcdstore_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store/etcdserver"
	"github.com/coracle-k8s/coracle/store/etcdstore"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// certificate returns a certificate for 127.0.0.1 that signs itself, and the
// pool of those who trust it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// Over TLS a client with a certificate gets in, and nobody else.
func TestOpen_TLS(t *testing.T) {
	cert, pool := certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	server := etcdserver.New(memstore.New(), etcdserver.Options{TLS: &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}})
	go func() { done <- server.Run(ctx, l) }()
	defer func() {
		cancel()
		require.NoError(t, <-done)
	}()
	for name, c := range map[string]struct {
		config *tls.Config
		ok     bool
	}{
		"with a certificate":     {&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}, true},
		"without":                {&tls.Config{RootCAs: pool}, false},
		"that trusts nobody":     {&tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{cert}}, false},
		"that speaks plain text": {nil, false},
	} {
		s, err := etcdstore.Open(t.Context(), []string{l.Addr().String()}, etcdstore.Options{TLS: c.config, DialTimeout: time.Second})
		require.Equal(t, c.ok, err == nil, "a client %s: %v", name, err)
		if err == nil {
			_, err = s.Create(t.Context(), "k", nil, 0)
			require.NoError(t, err)
			require.NoError(t, s.Close())
		}
	}
}
