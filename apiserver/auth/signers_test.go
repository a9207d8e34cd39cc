package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// may binds a user to rules.
func may(user string, rules ...rbacv1.PolicyRule) (*rbacv1.ClusterRole, *rbacv1.ClusterRoleBinding) {
	meta := metav1.ObjectMeta{Name: "of-" + user}
	return &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
	}
}

// signingRequest is the body of a CertificateSigningRequest.
func signingRequest(t *testing.T, name, signer, group string) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "eve", Organization: []string{group}},
	}, key)
	require.NoError(t, err)
	text := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	return fmt.Sprintf(`{"metadata":{"name":%q},"spec":{"request":%q,"signerName":%q,"usages":["client auth"]}}`, name, text, signer)
}

func TestSigners(t *testing.T) {
	const group = "certificates.k8s.io"
	all := func(resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{"*"}, APIGroups: []string{group}, Resources: resources}
	}
	on := func(verb, signer string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{verb}, APIGroups: []string{group}, Resources: []string{"signers"}, ResourceNames: []string{signer}}
	}
	objects := all("certificatesigningrequests", "certificatesigningrequests/approval", "certificatesigningrequests/status", "clustertrustbundles")
	c := newCluster(t)
	for user, rules := range map[string][]rbacv1.PolicyRule{
		"eve": {objects}, "approver": {objects, on("approve", "example.com/good")}, "domain": {objects, on("approve", "example.com/*")},
		"signer": {objects, on("sign", "example.com/good"), on("attest", "example.com/good")},
	} {
		role, binding := may(user, rules...)
		c.add(role)
		c.add(binding)
	}
	const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
	got := c.call(as("eve"), "POST", path, signingRequest(t, "a", "example.com/good", "dev"))
	require.Equal(t, 201, got.code, got.body)

	condition := func(kind string) string {
		return `{"status":{"conditions":[{"type":"` + kind + `","status":"True","reason":"x"}]}}`
	}
	refused := c.call(as("eve"), "PATCH", path+"/a/approval", condition("Approved"))
	require.Equal(t, 403, refused.code, refused.body)
	require.Equal(t, `certificatesigningrequests.certificates.k8s.io "a" is forbidden: user not permitted to approve requests with signerName "example.com/good"`, refused.text("message"))
	require.Equal(t, 403, c.call(as("signer"), "PATCH", path+"/a/approval", condition("Approved")).code)
	require.Equal(t, 200, c.call(as("approver"), "PATCH", path+"/a/approval", condition("Approved")).code)

	refused = c.call(as("approver"), "PATCH", path+"/a/status",
		`{"status":{"conditions":[{"type":"Approved","status":"True","reason":"x"},{"type":"Failed","status":"True","reason":"x"}]}}`)
	require.Equal(t, `certificatesigningrequests.certificates.k8s.io "a" is forbidden: user not permitted to sign requests with signerName "example.com/good"`, refused.text("message"))
	require.Equal(t, 200, c.call(as("eve"), "PATCH", path+"/a/status", `{"metadata":{"labels":{"x":"y"}}}`).code, "who changes nothing of it needs nothing")

	got = c.call(as("eve"), "POST", path, signingRequest(t, "b", "example.com/other", "dev"))
	require.Equal(t, 201, got.code, got.body)
	require.Equal(t, 403, c.call(as("approver"), "PATCH", path+"/b/approval", condition("Denied")).code)
	require.Equal(t, 200, c.call(as("domain"), "PATCH", path+"/b/approval", condition("Denied")).code)

	refused = c.call(as("eve"), "POST", path, signingRequest(t, "c", "kubernetes.io/kube-apiserver-client", "system:masters"))
	require.Equal(t, `certificatesigningrequests.certificates.k8s.io "c" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed`, refused.text("message"))

	bundle := fmt.Sprintf(`{"metadata":{"name":"example.com:good:x"},"spec":{"signerName":"example.com/good","trustBundle":%q}}`, c.pki.CAPEM())
	const bundles = "/apis/certificates.k8s.io/v1/clustertrustbundles"
	refused = c.call(as("eve"), "POST", bundles, bundle)
	require.Equal(t, `clustertrustbundles.certificates.k8s.io "example.com:good:x" is forbidden: user not permitted to attest for signerName "example.com/good"`, refused.text("message"))
	got = c.call(as("signer"), "POST", bundles, bundle)
	require.Equal(t, 201, got.code, got.body)
}

// Nobody but its signer answers a pod's request.
func TestSigners_pods(t *testing.T) {
	status := rbacv1.PolicyRule{Verbs: []string{"*"}, APIGroups: []string{"certificates.k8s.io"}, Resources: []string{"podcertificaterequests/status"}}
	sign := rbacv1.PolicyRule{
		Verbs: []string{"sign"}, APIGroups: []string{"certificates.k8s.io"}, Resources: []string{"signers"}, ResourceNames: []string{"example.com/good"},
	}
	c := newCluster(t)
	for user, rules := range map[string][]rbacv1.PolicyRule{"eve": {status}, "signer": {status, sign}} {
		role, binding := may(user, rules...)
		c.add(role)
		c.add(binding)
	}
	c.add(&certificatesv1.PodCertificateRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "r"}, Spec: certificatesv1.PodCertificateRequestSpec{SignerName: "example.com/good"},
	})
	const path = "/apis/certificates.k8s.io/v1/namespaces/default/podcertificaterequests/r/status"
	denied := `{"status":{"conditions":[{"type":"Denied","status":"True","reason":"X","message":"no","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`
	refused := c.call(as("eve"), "PATCH", path, denied)
	require.Equal(t, 422, refused.code, refused.body)
	require.Equal(t, `PodCertificateRequest.certificates.k8s.io "r" is invalid: spec.signerName: Forbidden: User "eve" is not permitted to "sign" for signer "example.com/good"`,
		refused.text("message"))
	require.Equal(t, 200, c.call(as("eve"), "PATCH", path, `{"metadata":{"labels":{"x":"y"}}}`).code, "who changes nothing of it needs nothing")
	got := c.call(as("signer"), "PATCH", path, denied)
	require.Equal(t, 200, got.code, got.body)
}
