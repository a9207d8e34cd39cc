package certificates

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// The time a certificate is good for if the request does not ask for less, and
// the least that it gets.
const (
	longest  = 365 * 24 * time.Hour
	shortest = 10 * time.Minute
)

// An Authority signs certificates: the cluster's.
type Authority interface {
	// SignRequest returns a certificate (PEM) for the subject, names and key
	// of a request whose signature has been checked, good for usages and life,
	// or less if the authority's own ends before.
	SignRequest(request *x509.CertificateRequest, usage x509.KeyUsage, extended []x509.ExtKeyUsage, life time.Duration) ([]byte, error)
}

// NewSigning returns the controller that signs what has been approved, and says
// what it cannot sign and why.
func NewSigning(c *client.Client, informers *client.Informers, authority Authority, opts controller.Options) *controller.Controller {
	s := &signer{
		authority: authority,
		requests:  client.Shared[*certificatesv1.CertificateSigningRequest](informers),
		write:     client.For[*certificatesv1.CertificateSigningRequest](c),
	}
	ctl := controller.New("certificatesigningrequest-signing", s, opts)
	controller.Watch(ctl, s.requests, controller.Self)
	return ctl
}

type signer struct {
	authority Authority
	requests  *client.Informer[*certificatesv1.CertificateSigningRequest]
	write     *client.Kind[*certificatesv1.CertificateSigningRequest]
}

// Reconcile implements controller.Reconciler.
func (s *signer) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	csr, ok := s.requests.Get("", key.Name)
	if !ok || len(csr.Status.Certificate) > 0 || !known(csr.Spec.SignerName) ||
		!has(csr, certificatesv1.CertificateApproved) || has(csr, certificatesv1.CertificateDenied) || has(csr, certificatesv1.CertificateFailed) {
		return controller.Result{}, nil
	}
	signed := csr.DeepCopy()
	certificate, err := s.sign(csr)
	if err != nil {
		signed.Status.Conditions = append(signed.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
			Type: certificatesv1.CertificateFailed, Status: corev1.ConditionTrue,
			Reason: "SignerValidationFailure", Message: err.Error(), LastUpdateTime: metav1.Now(),
		})
	}
	signed.Status.Certificate = certificate
	_, err = s.write.UpdateStatus(ctx, signed)
	if apierrors.IsNotFound(err) {
		err = nil
	}
	return controller.Result{}, err
}

func (s *signer) sign(csr *certificatesv1.CertificateSigningRequest) ([]byte, error) {
	request, err := parse(csr.Spec.Request)
	if err != nil {
		return nil, fmt.Errorf("unable to parse csr %q: %w", csr.Name, err)
	}
	if err := fits(csr.Spec.SignerName, request, csr.Spec.Usages); err != nil {
		return nil, err
	}
	usage, extended, err := usagesOf(csr.Spec.Usages)
	if err != nil {
		return nil, err
	}
	return s.authority.SignRequest(request, usage, extended, lifeOf(csr.Spec.ExpirationSeconds))
}

func lifeOf(seconds *int32) time.Duration {
	if seconds == nil {
		return longest
	}
	return min(max(time.Duration(*seconds)*time.Second, shortest), longest)
}

// usagesOf turns the names of usages into what a certificate has for them.
func usagesOf(names []certificatesv1.KeyUsage) (x509.KeyUsage, []x509.ExtKeyUsage, error) {
	plain := map[certificatesv1.KeyUsage]x509.KeyUsage{
		certificatesv1.UsageSigning: x509.KeyUsageDigitalSignature, certificatesv1.UsageDigitalSignature: x509.KeyUsageDigitalSignature,
		certificatesv1.UsageContentCommitment: x509.KeyUsageContentCommitment, certificatesv1.UsageKeyEncipherment: x509.KeyUsageKeyEncipherment,
		certificatesv1.UsageKeyAgreement: x509.KeyUsageKeyAgreement, certificatesv1.UsageDataEncipherment: x509.KeyUsageDataEncipherment,
		certificatesv1.UsageCertSign: x509.KeyUsageCertSign, certificatesv1.UsageCRLSign: x509.KeyUsageCRLSign,
		certificatesv1.UsageEncipherOnly: x509.KeyUsageEncipherOnly, certificatesv1.UsageDecipherOnly: x509.KeyUsageDecipherOnly,
	}
	extended := map[certificatesv1.KeyUsage]x509.ExtKeyUsage{
		certificatesv1.UsageAny: x509.ExtKeyUsageAny, certificatesv1.UsageServerAuth: x509.ExtKeyUsageServerAuth,
		certificatesv1.UsageClientAuth: x509.ExtKeyUsageClientAuth, certificatesv1.UsageCodeSigning: x509.ExtKeyUsageCodeSigning,
		certificatesv1.UsageEmailProtection: x509.ExtKeyUsageEmailProtection, certificatesv1.UsageSMIME: x509.ExtKeyUsageEmailProtection,
		certificatesv1.UsageIPsecEndSystem: x509.ExtKeyUsageIPSECEndSystem, certificatesv1.UsageIPsecTunnel: x509.ExtKeyUsageIPSECTunnel,
		certificatesv1.UsageIPsecUser: x509.ExtKeyUsageIPSECUser, certificatesv1.UsageTimestamping: x509.ExtKeyUsageTimeStamping,
		certificatesv1.UsageOCSPSigning: x509.ExtKeyUsageOCSPSigning, certificatesv1.UsageMicrosoftSGC: x509.ExtKeyUsageMicrosoftServerGatedCrypto,
		certificatesv1.UsageNetscapeSGC: x509.ExtKeyUsageNetscapeServerGatedCrypto,
	}
	var usage x509.KeyUsage
	var more []x509.ExtKeyUsage
	for _, name := range names {
		if bit, ok := plain[name]; ok {
			usage |= bit
		} else if extra, ok := extended[name]; ok {
			more = append(more, extra)
		} else {
			return 0, nil, fmt.Errorf("unrecognized usage: %q", name)
		}
	}
	return usage, more, nil
}
