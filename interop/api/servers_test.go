package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/interop/api/differ"
	"github.com/coracle-k8s/coracle/interop/store/inprocess"
	"github.com/coracle-k8s/coracle/interop/store/programs"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// theirs starts the real kube-apiserver on the real etcd. Without these programs
// the test is skipped.
func theirs(t *testing.T) *differ.Server {
	s, _ := startTheirs(t)
	return s
}

// startTheirs is theirs with further flags, and with who signs its clients'
// certificates.
func startTheirs(t *testing.T, flags ...string) (*differ.Server, *pki.PKI) {
	t.Helper()
	etcd, err := programs.Etcd(t.TempDir(), t.Output())
	if errors.Is(err, programs.ErrNotBuilt) {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.NoError(t, etcd.Start())
	t.Cleanup(func() { require.NoError(t, etcd.Kill()) })
	require.NoError(t, etcd.Ready(t.Context()))

	trust, err := pki.Open(t.TempDir())
	require.NoError(t, err)
	kube, err := programs.KubeAPIServer(t.TempDir(), etcd, trust, t.Output(), flags...)
	if errors.Is(err, programs.ErrNotBuilt) {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.NoError(t, kube.Start())
	t.Cleanup(func() { require.NoError(t, kube.Kill()) })
	secure, err := trust.ClientTLS(pki.UserAdmin, pki.GroupMasters)
	require.NoError(t, err)
	s := &differ.Server{Name: "kube-apiserver", URL: "https://" + kube.Address, HTTP: &http.Client{
		Transport: &http.Transport{TLSClientConfig: secure, ForceAttemptHTTP2: true},
	}}
	require.Eventually(t, func() bool {
		a, err := s.Ask(t.Context(), differ.Request{Method: http.MethodGet, Path: "/readyz", Header: http.Header{}}, "")
		return err == nil && a.Code == http.StatusOK
	}, 2*time.Minute, 100*time.Millisecond, "kube-apiserver is not ready")
	return s, trust
}

// ours starts an API server of ours, reached in memory.
func ours(t *testing.T) *differ.Server {
	t.Helper()
	trust, err := pki.New()
	require.NoError(t, err)
	st := memstore.New()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	api := inprocess.API(t, cluster.Config{PKI: trust, Without: []string{cluster.ControllerManager}}, st)
	admin := &apiserver.User{Name: pki.UserAdmin, Groups: []string{pki.GroupMasters}, Extra: map[string][]string{
		// As of a certificate, which kube-apiserver's client has.
		"authentication.kubernetes.io/credential-id": {"X509SHA256=" + strings.Repeat("0", 64)},
	}}
	return &differ.Server{Name: "Coracle", URL: "http://coracle", HTTP: &http.Client{
		Transport: client.InMemory(auth.As(admin, api)),
	}}
}
