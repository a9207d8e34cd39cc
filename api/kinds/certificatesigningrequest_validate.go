package kinds

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// minRequestSeconds is the shortest life of a certificate one may ask for.
const minRequestSeconds = 600

// legacySigner is a signer of an earlier version of the API.
const legacySigner = "kubernetes.io/legacy-unknown"

func checkSigningRequest(j *judge, r *certificatesv1.CertificateSigningRequest) {
	path := field.NewPath("spec")
	if err := requestProblem(r.Spec.Request); err != nil {
		j.invalid(path.Child("request"), r.Spec.Request, err.Error())
	}
	checkUsages(j, r.Spec.Usages, path.Child("usages"))
	if r.Spec.SignerName == legacySigner {
		j.invalid(path.Child("signerName"), r.Spec.SignerName, "the legacy signerName is not allowed via this API version")
	} else {
		checkSignerName(j, r.Spec.SignerName, path.Child("signerName"))
	}
	if s := r.Spec.ExpirationSeconds; s != nil && *s < minRequestSeconds {
		j.invalid(path.Child("expirationSeconds"), *s, "may not specify a duration less than 600 seconds (10 minutes)")
	}
}

// requestProblem says what is wrong with a PKCS#10 request in PEM, whose
// signature shows that who asks has the key.
func requestProblem(data []byte) error {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return errors.New("PEM block type must be CERTIFICATE REQUEST")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return err
	}
	return request.CheckSignature()
}

// certificateUsages are all that a key can be for, by their names.
func certificateUsages() []certificatesv1.KeyUsage {
	return []certificatesv1.KeyUsage{
		certificatesv1.UsageAny, certificatesv1.UsageCertSign, certificatesv1.UsageClientAuth, certificatesv1.UsageCodeSigning,
		certificatesv1.UsageContentCommitment, certificatesv1.UsageCRLSign, certificatesv1.UsageDataEncipherment,
		certificatesv1.UsageDecipherOnly, certificatesv1.UsageDigitalSignature, certificatesv1.UsageEmailProtection,
		certificatesv1.UsageEncipherOnly, certificatesv1.UsageIPsecEndSystem, certificatesv1.UsageIPsecTunnel,
		certificatesv1.UsageIPsecUser, certificatesv1.UsageKeyAgreement, certificatesv1.UsageKeyEncipherment,
		certificatesv1.UsageMicrosoftSGC, certificatesv1.UsageNetscapeSGC, certificatesv1.UsageOCSPSigning,
		certificatesv1.UsageSMIME, certificatesv1.UsageServerAuth, certificatesv1.UsageSigning, certificatesv1.UsageTimestamping,
	}
}

func checkUsages(j *judge, usages []certificatesv1.KeyUsage, path *field.Path) {
	if len(usages) == 0 {
		j.required(path, "")
	}
	valid := certificateUsages()
	slices.Sort(valid)
	for i, usage := range usages {
		supported(j, path.Index(i), usage, valid...)
	}
	for i, usage := range usages {
		if slices.Contains(usages[:i], usage) {
			j.duplicate(path.Index(i), usage)
		}
	}
}

// checkSigningStatus judges what a signer writes.
func checkSigningStatus(j *judge, r, old *certificatesv1.CertificateSigningRequest) {
	checkSigningConditions(j, r.Status.Conditions)
	if !bytes.Equal(r.Status.Certificate, old.Status.Certificate) {
		if err := certificateProblem(r.Status.Certificate); err != nil {
			j.invalid(field.NewPath("status", "certificate"), "<certificate data>", err.Error())
		}
	}
	checkNoConditionGoes(j, r, old)
	for _, t := range []certificatesv1.RequestConditionType{certificatesv1.CertificateApproved, certificatesv1.CertificateDenied} {
		if len(conditionsOf(r, t)) > len(conditionsOf(old, t)) {
			j.forbidden(field.NewPath("status", "conditions"), fmt.Sprintf("updates may not add a condition of type %q", t))
		}
	}
	if len(old.Status.Certificate) > 0 && !bytes.Equal(r.Status.Certificate, old.Status.Certificate) {
		j.forbidden(field.NewPath("status", "certificate"), "updates may not modify existing certificate content")
	}
}

// checkSigningApproval judges what an approver writes.
func checkSigningApproval(j *judge, r, old *certificatesv1.CertificateSigningRequest) {
	checkSigningConditions(j, r.Status.Conditions)
	checkNoConditionGoes(j, r, old)
}

// checkNoConditionGoes: a decision is not taken back.
func checkNoConditionGoes(j *judge, r, old *certificatesv1.CertificateSigningRequest) {
	for _, t := range []certificatesv1.RequestConditionType{
		certificatesv1.CertificateApproved, certificatesv1.CertificateDenied, certificatesv1.CertificateFailed,
	} {
		if len(conditionsOf(r, t)) < len(conditionsOf(old, t)) {
			j.forbidden(field.NewPath("status", "conditions"), fmt.Sprintf("updates may not remove a condition of type %q", t))
		}
	}
}

func checkSigningConditions(j *judge, conditions []certificatesv1.CertificateSigningRequestCondition) {
	path := field.NewPath("status", "conditions")
	seen := map[certificatesv1.RequestConditionType]bool{}
	for i, c := range conditions {
		at := path.Index(i)
		j.filled(at.Child("type"), string(c.Type))
		switch c.Type {
		case certificatesv1.CertificateApproved, certificatesv1.CertificateDenied, certificatesv1.CertificateFailed:
			oneOf(j, at.Child("status"), c.Status, corev1.ConditionTrue)
		default:
			oneOf(j, at.Child("status"), c.Status, corev1.ConditionFalse, corev1.ConditionTrue, corev1.ConditionUnknown)
		}
		if seen[c.Type] {
			j.duplicate(at.Child("type"), c.Type)
		}
		seen[c.Type] = true
	}
	if seen[certificatesv1.CertificateApproved] && seen[certificatesv1.CertificateDenied] {
		const both = `{conditions[{"type": "Approved"}], conditions[{"type": "Denied"}]}`
		j.last = append(j.last, field.Invalid(path, both, "must specify at most one of: `conditions[{\"type\": \"Approved\"}]`, `conditions[{\"type\": \"Denied\"}]`"))
	}
}

// certificateProblem says what is wrong with certificates in PEM; none at all
// are fine.
func certificateProblem(data []byte) error {
	blocks := 0
	for rest := data; ; blocks++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type != "CERTIFICATE":
			return fmt.Errorf("only CERTIFICATE PEM blocks are allowed, found %q", block.Type)
		case len(block.Headers) > 0:
			return errors.New("no PEM block headers are permitted")
		}
		switch certificates, err := x509.ParseCertificates(block.Bytes); {
		case err != nil:
			return err
		case len(certificates) == 0:
			return errors.New("found CERTIFICATE PEM block containing 0 certificates")
		}
	}
	if len(data) > 0 && blocks == 0 {
		return errors.New("must contain at least one CERTIFICATE PEM block")
	}
	return nil
}
