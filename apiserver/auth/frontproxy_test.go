package auth_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/pki"
)

// TestFrontProxy believes the headers of a proxy, and of nobody else.
func TestFrontProxy(t *testing.T) {
	p, err := pki.New()
	require.NoError(t, err)
	proxy, err := p.FrontProxyCert()(nil)
	require.NoError(t, err)
	user, err := p.ClientCert("mallory", "users")
	require.NoError(t, err)

	want := &apiserver.User{
		Name: "alice", UID: "u1", Groups: []string{"dev", "ops", auth.GroupAuthenticated},
		Extra: map[string][]string{"example.com/team%": {"a", "b"}, "plain": {"ä"}},
	}
	request := func(cert *tls.Certificate) *http.Request {
		r := &http.Request{Header: http.Header{
			"Authorization": {"Bearer x"}, "X-Remote-Group": {"system:masters"}, "X-Remote-Extra-Scopes": {"all"},
		}}
		auth.SetRemoteUser(r.Header, want)
		if cert != nil {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert.Leaf}}
		}
		return r
	}
	f := auth.FrontProxy{Roots: p.FrontProxyRoots(), Names: []string{pki.FrontProxyUser}}
	got, err := f.Authenticate(request(proxy))
	require.NoError(t, err)
	require.Equal(t, want, got, "what the client said of itself is gone")
	require.Empty(t, request(proxy).Header.Get("Authorization"))

	for _, cert := range []*tls.Certificate{nil, user} {
		got, err := f.Authenticate(request(cert))
		require.NoError(t, err)
		require.Nil(t, got, "headers without a proxy's certificate say nothing")
	}
	f.Names = []string{"somebody-else"}
	got, err = f.Authenticate(request(proxy))
	require.NoError(t, err)
	require.Nil(t, got)
}
