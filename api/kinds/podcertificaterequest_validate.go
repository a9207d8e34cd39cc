package kinds

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Limits of what a pod's certificate may ask for.
const (
	maxUIDBytes         = 128
	maxKeyBytes         = 10 * 1024
	minPodCertSeconds   = 60 * 60
	maxPodCertSeconds   = 91 * 24 * 60 * 60
	maxOwnSignerSeconds = 24 * 60 * 60 // of signers that belong to Kubernetes
)

func checkPodCertificateRequest(j *judge, r *certificatesv1.PodCertificateRequest) {
	spec, path := &r.Spec, field.NewPath("spec")
	checkSignerName(j, spec.SignerName, path.Child("signerName"))
	checkUserAnnotations(j, spec.UnverifiedUserAnnotations, path.Child("unverifiedUserAnnotations"))
	j.subdomain(path.Child("podName"), spec.PodName)
	checkUID(j, spec.PodUID, path.Child("podUID"))
	j.invalid(path.Child("serviceAccountName"), spec.ServiceAccountName, apivalidation.ValidateServiceAccountName(spec.ServiceAccountName, false)...)
	checkUID(j, spec.ServiceAccountUID, path.Child("serviceAccountUID"))
	j.subdomain(path.Child("nodeName"), string(spec.NodeName))
	checkUID(j, spec.NodeUID, path.Child("nodeUID"))
	if spec.MaxExpirationSeconds == nil {
		j.required(path.Child("maxExpirationSeconds"), "must be set")
		return
	}
	most := int32(maxPodCertSeconds)
	if isKubernetesSigner(spec.SignerName) {
		most = maxOwnSignerSeconds
	}
	if s := *spec.MaxExpirationSeconds; s < minPodCertSeconds || s > most {
		j.invalid(path.Child("maxExpirationSeconds"), s, fmt.Sprintf("must be in the range [%d, %d]", minPodCertSeconds, most))
	}
	checkPodKey(j, spec, path)
}

func checkUserAnnotations(j *judge, annotations map[string]string, path *field.Path) {
	for _, key := range sortedKeys(annotations) {
		j.add(validation.IsDomainPrefixedKey(path, strings.ToLower(key)))
	}
	if apivalidation.ValidateAnnotationsSize(annotations) != nil {
		j.tooLong(path, apivalidation.TotalAnnotationSizeLimitB)
	}
}

func checkUID(j *judge, uid types.UID, path *field.Path) {
	if uid == "" {
		j.invalid(path, uid, "must not be empty")
	}
	if len(uid) > maxUIDBytes {
		j.tooLong(path, maxUIDBytes)
	}
}

// checkPodKey judges the key to be certified, which comes in a PKCS#10 request of
// which nothing else counts; its signature proves that the pod has the key.
func checkPodKey(j *judge, spec *certificatesv1.PodCertificateRequestSpec, path *field.Path) {
	at, data := path.Child("stubPKCS10Request"), spec.StubPKCS10Request
	if len(data) == 0 {
		j.invalid(path, field.OmitValueType{}, "exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set")
		return
	}
	if len(data) > maxKeyBytes {
		j.tooLong(at, maxKeyBytes)
		return
	}
	request, err := x509.ParseCertificateRequest(data)
	if err != nil {
		j.invalid(at, field.OmitValueType{}, "must be a valid PKCS#10 CSR")
		return
	}
	if value, problem := keyProblem(request.PublicKey); problem != "" {
		j.invalid(at, value, problem)
	} else if request.CheckSignature() != nil {
		j.invalid(at, field.OmitValueType{}, "invalid signature")
	}
}

// keyProblem returns what is wrong with a key, and what of it.
func keyProblem(key crypto.PublicKey) (value any, problem string) {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return nil, ""
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil, ""
		}
		return "curve " + key.Curve.Params().Name, "elliptic public keys must use curve P256, P384, or P521"
	case *rsa.PublicKey:
		if bits := key.Size() * 8; bits != 3072 && bits != 4096 {
			return fmt.Sprintf("%d-bit modulus", bits), "RSA keys must have modulus size 3072 or 4096"
		}
		return nil, ""
	default:
		return field.OmitValueType{}, "unknown public key type; supported types are Ed25519, ECDSA, and RSA"
	}
}
