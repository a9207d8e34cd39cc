package kinds

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/mail"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkPodCertificateStatus judges how a request goes on. It ends once, in one of
// three ways, and with a certificate in one of them only.
func checkPodCertificateStatus(j *judge, r, old *certificatesv1.PodCertificateRequest) {
	status := field.NewPath("status")
	checkPodCertificateConditions(j, r.Status.Conditions)
	if len(j.errs) > 0 {
		return // what else is in order depends on them
	}
	before, now := podCertificateState(old), podCertificateState(r)
	switch {
	case before != "":
		if !same(r.Status, old.Status) {
			j.invalid(status, field.OmitValueType{}, "immutable after PodCertificateRequest is issued, denied, or failed")
		}
	case now == certificatesv1.PodCertificateRequestConditionTypeIssued:
		checkIssued(j, r, old)
	case now != "":
		if !same(r.Status, certificatesv1.PodCertificateRequestStatus{Conditions: r.Status.Conditions}) {
			j.invalid(status, field.OmitValueType{}, "non-condition status fields must be empty when denying or failing the PodCertificateRequest")
		}
	case !same(r.Status, old.Status):
		j.invalid(status, field.OmitValueType{}, `status is immutable unless transitioning to "Issued", "Denied", or "Failed"`)
	}
}

func checkPodCertificateConditions(j *judge, conditions []metav1.Condition) {
	ends := 0
	for i, c := range conditions {
		at := field.NewPath("status", "conditions", fmt.Sprintf("[%d]", i))
		switch c.Type {
		case certificatesv1.PodCertificateRequestConditionTypeIssued,
			certificatesv1.PodCertificateRequestConditionTypeDenied,
			certificatesv1.PodCertificateRequestConditionTypeFailed:
			if ends++; ends > 1 {
				j.invalid(at.Child("type"), c.Type, `There may be at most one condition with type "Issued", "Denied", or "Failed"`)
			}
			supported(j, at.Child("status"), c.Status, metav1.ConditionTrue)
		default:
			supported(j, at.Child("type"), c.Type,
				certificatesv1.PodCertificateRequestConditionTypeIssued,
				certificatesv1.PodCertificateRequestConditionTypeDenied,
				certificatesv1.PodCertificateRequestConditionTypeFailed)
		}
	}
	j.add(metavalidation.ValidateConditions(conditions, field.NewPath("status", "conditions")))
}

// maxChainBytes limits a chain of certificates.
const maxChainBytes = 100 * 1024

// checkIssued judges the certificate that a signer gives. It ends at the first
// finding, since each rule needs what the one before made sure of.
func checkIssued(j *judge, r, old *certificatesv1.PodCertificateRequest) {
	chain, path := r.Status.CertificateChain, field.NewPath("status", "certificateChain")
	if len(chain) > maxChainBytes {
		j.tooLong(path, maxChainBytes)
		return
	}
	block, rest := pem.Decode([]byte(chain))
	switch {
	case block == nil:
		j.invalid(path, chain, "issued certificate chain must contain at least one certificate")
		return
	case block.Type != "CERTIFICATE":
		j.invalid(path, chain, "issued certificate chain must consist entirely of CERTIFICATE PEM blocks")
		return
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		j.invalid(path, chain, "leaf certificate does not parse as valid X.509")
		return
	}
	checkLeafNames(j, leaf, path)
	request, err := x509.ParseCertificateRequest(old.Spec.StubPKCS10Request)
	if err != nil {
		j.invalid(field.NewPath("spec", "stubPKCS10Request"), field.OmitValueType{}, "must be a valid PKCS#10 CSR")
		return
	}
	if key, ok := request.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); ok && !key.Equal(leaf.PublicKey) {
		j.invalid(path, chain, "leaf certificate was not issued to the requested public key")
		return
	}
	checkLifetime(j, r, leaf)
	if len(j.errs) == 0 {
		checkIntermediates(j, chain, rest, path)
	}
}

func checkLeafNames(j *judge, leaf *x509.Certificate, path *field.Path) {
	for _, name := range leaf.DNSNames {
		if name == "" {
			j.invalid(path, name, "leaf certificate should not contain empty DNSName")
		}
		if strings.Contains(name, "..") {
			j.invalid(path, name, "leaf certificate's DNSName should not contain '..'")
		}
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") {
			j.invalid(path, name, "leaf certificate's DNSName should not start or end with '.'")
		}
	}
	for _, address := range leaf.EmailAddresses {
		if _, err := mail.ParseAddress(address); err != nil {
			j.invalid(path, address, "leaf certificate should not contain invalid EmailAddress")
		}
	}
}

// How far a certificate's beginning may be from now, how long it has to live,
// and when it may be renewed.
const (
	maxClockSkew   = 5 * time.Minute
	minLifetime    = time.Hour
	minRefreshTime = 10 * time.Minute
)

func checkLifetime(j *judge, r *certificatesv1.PodCertificateRequest, leaf *x509.Certificate) {
	s, status := &r.Status, field.NewPath("status")
	const consistent = "must be present and consistent with the issued certificate"
	need := func(name string, t *metav1.Time, detail string) {
		if t == nil {
			j.required(status.Child(name), detail)
		}
	}
	need("notBefore", s.NotBefore, consistent)
	need("notAfter", s.NotAfter, consistent)
	need("beginRefreshAt", s.BeginRefreshAt, "must be present and in the range [notbefore+10min, notafter-10min]")
	if len(j.errs) > 0 {
		return
	}
	chain, life := status.Child("certificateChain"), leaf.NotAfter.Sub(leaf.NotBefore)
	longest := time.Duration(*r.Spec.MaxExpirationSeconds) * time.Second
	switch before, after, refresh := s.NotBefore.Time, s.NotAfter.Time, s.BeginRefreshAt.Time; {
	case !before.Equal(leaf.NotBefore):
		j.invalid(status.Child("notBefore"), before, "must be set to the NotBefore time encoded in the leaf certificate")
	case time.Since(before).Abs() >= maxClockSkew:
		j.invalid(status.Child("notBefore"), before, "must be set to within 5 minutes of kube-apiserver's current time")
	case !after.Equal(leaf.NotAfter):
		j.invalid(status.Child("notAfter"), after, "must be set to the NotAfter time encoded in the leaf certificate")
	case life < minLifetime:
		j.invalid(chain, life, "leaf certificate lifetime must be >= 1 hour")
	case life > longest:
		j.invalid(chain, life, fmt.Sprintf("leaf certificate lifetime must be <= spec.maxExpirationSeconds (%v)", *r.Spec.MaxExpirationSeconds))
	case refresh.Before(before.Add(minRefreshTime)):
		j.invalid(status.Child("beginRefreshAt"), refresh, "must be at least 10 minutes after status.notBefore")
	case refresh.After(after.Add(-minRefreshTime)):
		j.invalid(status.Child("beginRefreshAt"), refresh, "must be at least 10 minutes before status.notAfter")
	}
}

// checkIntermediates makes sure that what follows are certificates. Whether they
// lead to one that somebody trusts cannot be told here.
func checkIntermediates(j *judge, chain string, rest []byte, path *field.Path) {
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return
		}
		if block.Type != "CERTIFICATE" {
			j.invalid(path, chain, "issued certificate chain must consist entirely of CERTFICATE PEM blocks")
			return
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			j.invalid(path, chain, "intermediate certificate does not parse as valid X.509")
			return
		}
	}
}
