package certificates_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/certificates"
	"github.com/coracle-k8s/coracle/internal/apitest"
	"github.com/coracle-k8s/coracle/pki"
)

// request makes a PKCS #10 request (PEM) of a new key.
func request(t testing.TB, user, group string, change ...func(*x509.CertificateRequest)) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: user}}
	if group != "" {
		template.Subject.Organization = []string{group}
	}
	for _, f := range change {
		f(template)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func usages(names ...certificatesv1.KeyUsage) []certificatesv1.KeyUsage { return names }

// A world is a server with the controllers of certificates.
type world struct {
	*testing.T
	requests *client.Kind[*certificatesv1.CertificateSigningRequest]
}

func start(t *testing.T) world {
	authority, err := pki.New()
	require.NoError(t, err)
	c := apitest.Start(t).Client(t)
	informers := client.NewInformers(c)
	apitest.Run(t, certificates.NewSigning(c, informers, authority, controller.Options{}).Run)
	apitest.Run(t, certificates.NewCleaner(c, informers, controller.Options{}).Run)
	apitest.Run(t, informers.Run)
	return world{t, client.For[*certificatesv1.CertificateSigningRequest](c)}
}

func (w world) create(name, signer string, pkcs10 []byte, uses []certificatesv1.KeyUsage, seconds *int32) {
	w.Helper()
	_, err := w.requests.Create(w.Context(), &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       certificatesv1.CertificateSigningRequestSpec{Request: pkcs10, SignerName: signer, Usages: uses, ExpirationSeconds: seconds},
	})
	require.NoError(w, err)
}

// answer gives a request a condition and returns what has become of it.
func (w world) answer(name string, condition certificatesv1.RequestConditionType) *certificatesv1.CertificateSigningRequest {
	w.Helper()
	csr, err := w.requests.Get(w.Context(), "", name)
	require.NoError(w, err)
	csr.Status.Conditions = append(csr.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
		Type: condition, Status: corev1.ConditionTrue, Reason: "Test", LastUpdateTime: metav1.Now(),
	})
	require.NoError(w, w.requests.Subresource(w.Context(), "PUT", "", name, "approval", csr, nil))
	synctest.Wait()
	csr, err = w.requests.Get(w.Context(), "", name)
	require.NoError(w, err)
	return csr
}

func certificate(t *testing.T, data []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(data)
	require.NotNil(t, block)
	cert, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return cert
}

func TestSigning(t *testing.T) {
	const (
		api     = "kubernetes.io/kube-apiserver-client"
		node    = "kubernetes.io/kube-apiserver-client-kubelet"
		serving = "kubernetes.io/kubelet-serving"
		digital = certificatesv1.UsageDigitalSignature
		key     = certificatesv1.UsageKeyEncipherment
		asks    = certificatesv1.UsageClientAuth
		serves  = certificatesv1.UsageServerAuth
	)
	named := func(r *x509.CertificateRequest) { r.DNSNames = []string{"n1"} }
	at := func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} }
	mailed := func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"n1@example.com"} }
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		for i, test := range []struct {
			signer  string
			request []byte
			usages  []certificatesv1.KeyUsage
			failure string
		}{
			{api, request(t, "alice", "dev"), usages(digital, asks), ""},
			{api, request(t, "alice", "dev"), usages(asks, serves), "invalid usage for client certificate: server auth"},
			{api, request(t, "alice", "dev"), usages(digital), "missing required usage for client certificate: client auth"},
			{node, request(t, "system:node:n1", "system:nodes"), usages(digital, asks), ""},
			{node, request(t, "system:node:n1", "system:nodes"), usages(digital, key, asks), ""},
			{node, request(t, "system:node:n1", "system:masters"), usages(digital, asks), "subject organization is not system:nodes"},
			{node, request(t, "alice", "system:nodes"), usages(digital, asks), "subject common name does not begin with system:node:"},
			{node, request(t, "system:node:n1", "system:nodes", named), usages(digital, asks), "DNS subjectAltNames are not allowed"},
			{node, request(t, "system:node:n1", "system:nodes", at), usages(digital, asks), "IP subjectAltNames are not allowed"},
			{node, request(t, "system:node:n1", "system:nodes"), usages(digital, asks, serves), "usages did not match [client auth digital signature key encipherment]"},
			{serving, request(t, "system:node:n1", "system:nodes", named, at), usages(digital, serves), ""},
			{serving, request(t, "system:node:n1", "system:nodes"), usages(digital, serves), "DNS or IP subjectAltName is required"},
			{serving, request(t, "system:node:n1", "system:nodes", named, mailed), usages(digital, serves), "Email subjectAltNames are not allowed"},
			{serving, request(t, "system:node:n1", "system:nodes", named), usages(digital, key), "usages did not match [digital signature key encipherment server auth]"},
		} {
			name := fmt.Sprintf("r%d", i)
			w.create(name, test.signer, test.request, test.usages, nil)
			csr := w.answer(name, certificatesv1.CertificateApproved)
			if test.failure != "" {
				require.Empty(t, csr.Status.Certificate, test.failure)
				last := csr.Status.Conditions[len(csr.Status.Conditions)-1]
				require.Equal(t, certificatesv1.CertificateFailed, last.Type)
				require.Equal(t, "SignerValidationFailure", last.Reason)
				require.Equal(t, test.failure, last.Message)
				continue
			}
			cert := certificate(t, csr.Status.Certificate)
			require.False(t, cert.IsCA)
			require.InDelta(t, 365*24, time.Until(cert.NotAfter).Hours(), 1)
		}
	})
}

func TestSigning_whatIsNotOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		w.create("other", "example.com/own", request(t, "alice", ""), usages(certificatesv1.UsageClientAuth), nil)
		require.Empty(t, w.answer("other", certificatesv1.CertificateApproved).Status.Certificate, "another signer's")
		w.create("no", "kubernetes.io/kube-apiserver-client", request(t, "alice", ""), usages(certificatesv1.UsageClientAuth), nil)
		require.Empty(t, w.answer("no", certificatesv1.CertificateDenied).Status.Certificate)

		seconds := int32(3600)
		w.create("short", "kubernetes.io/kube-apiserver-client", request(t, "alice", "dev", func(r *x509.CertificateRequest) {
			r.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 19}, Value: []byte{0x30, 0x03, 0x01, 0x01, 0xff}}} // CA: true
		}), usages(certificatesv1.UsageClientAuth), &seconds)
		cert := certificate(t, w.answer("short", certificatesv1.CertificateApproved).Status.Certificate)
		require.InDelta(t, 60, time.Until(cert.NotAfter).Minutes(), 1)
		require.False(t, cert.IsCA, "who asks to be an authority does not become one")
		require.Equal(t, []string{"dev"}, cert.Subject.Organization)
	})
}

func TestCleaner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		for _, name := range []string{"pending", "denied", "issued", "approved"} {
			signer := "kubernetes.io/kube-apiserver-client"
			if name == "approved" {
				signer = "example.com/nobody"
			}
			w.create(name, signer, request(t, "alice", ""), usages(certificatesv1.UsageClientAuth), nil)
		}
		w.answer("denied", certificatesv1.CertificateDenied)
		w.answer("issued", certificatesv1.CertificateApproved)
		time.Sleep(30 * time.Minute)
		w.answer("approved", certificatesv1.CertificateApproved)
		left := func() (names []string) {
			synctest.Wait()
			list, err := w.requests.List(t.Context(), "", client.ListOptions{})
			require.NoError(t, err)
			for _, csr := range list.Items {
				names = append(names, csr.Name)
			}
			return names
		}
		require.Equal(t, []string{"approved", "denied", "issued", "pending"}, left())
		time.Sleep(31 * time.Minute)
		require.Equal(t, []string{"approved", "pending"}, left(), "an hour after the answer")
		time.Sleep(23 * time.Hour)
		require.Equal(t, []string{"approved"}, left(), "a day without an answer")
		time.Sleep(time.Hour)
		require.Empty(t, left(), "a day without a signer")
		_, err := w.requests.Get(t.Context(), "", "pending")
		require.True(t, apierrors.IsNotFound(err))
	})
}

func ExampleNewSigning() {
	authority, err := pki.New()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	c, err := client.New(client.Config{BaseURL: "http://coracle"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	informers := client.NewInformers(c)
	fmt.Println(certificates.NewApproving(c, informers, controller.Options{}).Name())
	fmt.Println(certificates.NewSigning(c, informers, authority, controller.Options{}).Name())
	// Output:
	// certificatesigningrequest-approving
	// certificatesigningrequest-signing
}
