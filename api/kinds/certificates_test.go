package kinds_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
)

func conditions(types ...certificatesv1.RequestConditionType) *certificatesv1.CertificateSigningRequest {
	r := &certificatesv1.CertificateSigningRequest{}
	for _, t := range types {
		r.Status.Conditions = append(r.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{Type: t, Status: corev1.ConditionTrue})
	}
	return r
}

func TestSigningRequest_approval(t *testing.T) {
	approval := find(t, "certificatesigningrequests").Parts[0]
	require.Equal(t, "approval", approval.Name)
	pending, approved := conditions(), conditions(certificatesv1.CertificateApproved)
	approval.Prepare(approved, pending)
	require.False(t, approved.Status.Conditions[0].LastUpdateTime.IsZero())
	require.False(t, approved.Status.Conditions[0].LastTransitionTime.IsZero())
	require.Empty(t, approval.Validate(approved, pending))

	again := conditions(certificatesv1.CertificateApproved)
	approval.Prepare(again, approved)
	require.Equal(t, approved.Status.Conditions[0].LastTransitionTime, again.Status.Conditions[0].LastTransitionTime)

	require.ErrorContains(t, approval.Validate(pending, approved).ToAggregate(), `updates may not remove a condition of type "Approved"`)
	both := conditions(certificatesv1.CertificateApproved, certificatesv1.CertificateDenied)
	require.ErrorContains(t, approval.Validate(both, pending).ToAggregate(), "must specify at most one of")
	not := conditions(certificatesv1.CertificateApproved)
	not.Status.Conditions[0].Status = corev1.ConditionFalse
	require.ErrorContains(t, approval.Validate(not, pending).ToAggregate(), `Unsupported value: "False": supported values: "True"`)
}

func TestSigningRequest_status(t *testing.T) {
	r := find(t, "certificatesigningrequests")
	pending, approved := conditions(), conditions(certificatesv1.CertificateApproved)
	require.ErrorContains(t, r.ValidateStatus(approved, pending).ToAggregate(), `updates may not add a condition of type "Approved"`)

	// The signer's word on the approval does not count, its certificate does.
	approved.Status.Conditions[0].Message = "by jane"
	signed := conditions(certificatesv1.CertificateApproved)
	signed.Status.Certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate(t, key(t), time.Hour)})
	r.PrepareStatus(signed, approved)
	require.Equal(t, "by jane", signed.Status.Conditions[0].Message)
	require.Empty(t, r.ValidateStatus(signed, approved))
	require.ErrorContains(t, r.ValidateStatus(approved, signed).ToAggregate(), "updates may not modify existing certificate content")

	for text, want := range map[string]string{
		"nonsense": "must contain at least one CERTIFICATE PEM block",
		string(pem.EncodeToMemory(&pem.Block{Type: "KEY"})):                                                 `only CERTIFICATE PEM blocks are allowed, found "KEY"`,
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"a": "b"}})):   "no PEM block headers are permitted",
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate at all")})): "x509: malformed certificate",
	} {
		bad := conditions(certificatesv1.CertificateApproved)
		bad.Status.Certificate = []byte(text)
		require.ErrorContains(t, r.ValidateStatus(bad, approved).ToAggregate(), want)
	}
}

// A pod's request ends once, and with a certificate that fits.
func TestPodCertificateRequest_status(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, mine := find(t, "podcertificaterequests"), key(t)
		stub, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, mine)
		require.NoError(t, err)
		pending := &certificatesv1.PodCertificateRequest{}
		pending.Spec.StubPKCS10Request, pending.Spec.MaxExpirationSeconds = stub, new(int32(7200))
		end := func(how string, life time.Duration, key *ecdsa.PrivateKey) *certificatesv1.PodCertificateRequest {
			ended := api.Clone(pending)
			ended.Status.Conditions = []metav1.Condition{{
				Type: how, Status: metav1.ConditionTrue, Reason: "Test", LastTransitionTime: metav1.Now(),
			}}
			if life > 0 {
				now := time.Now()
				ended.Status.CertificateChain = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate(t, key, life)}))
				ended.Status.NotBefore, ended.Status.NotAfter = &metav1.Time{Time: now}, &metav1.Time{Time: now.Add(life)}
				ended.Status.BeginRefreshAt = &metav1.Time{Time: now.Add(life / 2)}
			}
			return ended
		}
		issued := end("Issued", time.Hour, mine)
		require.Empty(t, r.ValidateStatus(issued, pending))
		require.Empty(t, r.ValidateStatus(issued, issued))
		require.Empty(t, r.ValidateStatus(end("Denied", 0, nil), pending))

		late := api.Clone(issued)
		late.Status.BeginRefreshAt = late.Status.NotAfter
		timeless := api.Clone(issued)
		timeless.Status.NotBefore = nil
		for want, bad := range map[string]*certificatesv1.PodCertificateRequest{
			"leaf certificate was not issued to the requested public key":                      end("Issued", time.Hour, key(t)),
			"leaf certificate lifetime must be >= 1 hour":                                      end("Issued", time.Minute, mine),
			"leaf certificate lifetime must be <= spec.maxExpirationSeconds (7200)":            end("Issued", 3*time.Hour, mine),
			"issued certificate chain must contain at least one certificate":                   end("Issued", 0, nil),
			"non-condition status fields must be empty when denying or failing":                end("Failed", time.Hour, mine),
			`supported values: "Issued", "Denied", "Failed"`:                                   end("Lost", 0, nil),
			"must be at least 10 minutes before status.notAfter":                               late,
			"status.notBefore: Required value: must be present and consistent with the issued": timeless,
		} {
			require.ErrorContains(t, r.ValidateStatus(bad, pending).ToAggregate(), want)
		}
		require.ErrorContains(t, r.ValidateStatus(pending, issued).ToAggregate(), "immutable after PodCertificateRequest is issued")
		time.Sleep(6 * time.Minute)
		require.ErrorContains(t, r.ValidateStatus(issued, pending).ToAggregate(), "within 5 minutes of kube-apiserver's current time")
	})
}

func key(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// certificate returns one of the key, signed by itself.
func certificate(t *testing.T, key *ecdsa.PrivateKey, life time.Duration) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(life)}
	data, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return data
}
