package cluster_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/pki"
)

// withToken sends a bearer token with each request.
type withToken struct {
	http.RoundTripper
	token string
}

func (w withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+w.token)
	return w.RoundTripper.RoundTrip(r)
}

// over is a client with a transport over TLS, which shows a certificate if it
// has one.
func (a *apart) over(token string, certs ...tls.Certificate) *client.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pki.Roots(), Certificates: certs}}
	a.t.Cleanup(transport.CloseIdleConnections)
	var rt http.RoundTripper = transport
	if token != "" {
		rt = withToken{rt, token}
	}
	c, err := client.New(client.Config{BaseURL: a.server, Transport: rt})
	require.NoError(a.t, err)
	return c
}

// askFor requests a node's client certificate with a client's identity and
// returns it once it is signed.
func (a *apart) askFor(c *client.Client, name, node string) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: pki.NodeUser(node), Organization: []string{pki.GroupNodes}},
	}, key)
	require.NoError(a.t, err)
	requests := client.For[*certificatesv1.CertificateSigningRequest](c)
	_, err = requests.Create(a.t.Context(), &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
			SignerName: certificatesv1.KubeAPIServerClientKubeletSignerName,
			Usages:     []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth},
		},
	})
	require.NoError(a.t, err)
	var signed []byte
	require.Eventually(a.t, func() bool {
		csr, err := requests.Get(a.t.Context(), "", name)
		if err != nil {
			return false
		}
		signed = csr.Status.Certificate
		return len(signed) > 0
	}, 30*time.Second, 10*time.Millisecond, "request %s is signed", name)
	block, _ := pem.Decode(signed)
	require.NotNil(a.t, block)
	return tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key}
}

// A machine that knows nothing but a bootstrap token becomes a node: it asks for
// a certificate, is that node with it and no other, and can renew it itself.
func TestNode_joins_by_bootstrap_token(t *testing.T) {
	a := startApart(t)
	admin := a.client(pki.UserAdmin, pki.GroupMasters)
	_, err := client.For[*corev1.Secret](admin).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "bootstrap-token-abcdef"},
		Type:       "bootstrap.kubernetes.io/token",
		StringData: map[string]string{
			"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
			"expiration": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		},
	})
	require.NoError(t, err)
	for role, group := range map[string]string{
		"system:node-bootstrapper": "system:bootstrappers",
		"system:certificates.k8s.io:certificatesigningrequests:nodeclient":     "system:bootstrappers",
		"system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": "system:nodes",
	} {
		_, err := client.For[*rbacv1.ClusterRoleBinding](admin).Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "join:" + role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: group}},
		})
		require.NoError(t, err)
	}

	machine := a.over("abcdef.0123456789abcdef")
	_, err = client.For[*corev1.Node](machine).Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}})
	require.True(t, apierrors.IsForbidden(err), "the token is good for asking only: %v", err)
	certificate := a.askFor(machine, "n1-first", "n1")

	node := a.over("", certificate)
	_, err = client.For[*corev1.Node](node).Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}})
	require.NoError(t, err)
	_, err = client.For[*corev1.Node](node).Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n2"}})
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	_, err = client.For[*corev1.Secret](node).Get(t.Context(), "kube-system", "bootstrap-token-abcdef")
	require.True(t, apierrors.IsForbidden(err), "%v", err)

	renewed := a.askFor(node, "n1-second", "n1")
	_, err = client.For[*corev1.Node](a.over("", renewed)).Get(t.Context(), "", "n1")
	require.NoError(t, err)
	csr, err := client.For[*certificatesv1.CertificateSigningRequest](admin).Get(t.Context(), "", "n1-second")
	require.NoError(t, err)
	require.Equal(t, pki.NodeUser("n1"), csr.Spec.Username)
	require.Equal(t, "Auto approving self kubelet client certificate after SubjectAccessReview.", csr.Status.Conditions[0].Message)
	err = client.For[*certificatesv1.CertificateSigningRequest](node).Subresource(t.Context(), "PUT", "", "n1-second", "approval", csr, nil)
	require.True(t, apierrors.IsForbidden(err), "who asks does not approve: %v", err)
}
