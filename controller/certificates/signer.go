package certificates

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
)

// legacyUnknown is the signer of requests from before signers had names.
const legacyUnknown = "kubernetes.io/legacy-unknown"

const (
	nodeUserPrefix = "system:node:"
	nodesGroup     = "system:nodes"
)

// known says whether a signer is one of ours.
func known(signer string) bool {
	switch signer {
	case certificatesv1.KubeAPIServerClientSignerName, certificatesv1.KubeAPIServerClientKubeletSignerName,
		certificatesv1.KubeletServingSignerName, legacyUnknown:
		return true
	}
	return false
}

// parse reads a request's PKCS #10 and checks that whoever made it has the key.
func parse(data []byte) (*x509.CertificateRequest, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, errors.New("PEM block type must be CERTIFICATE REQUEST")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	return request, request.CheckSignature()
}

// fits says why a request is not one for its signer, or nil
// (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers).
func fits(signer string, request *x509.CertificateRequest, usages []certificatesv1.KeyUsage) error {
	switch signer {
	case certificatesv1.KubeAPIServerClientSignerName:
		return clientUsages(usages)
	case certificatesv1.KubeAPIServerClientKubeletSignerName:
		return kubeletClient(request, usages)
	case certificatesv1.KubeletServingSignerName:
		return kubeletServing(request, usages)
	}
	return nil
}

func clientUsages(usages []certificatesv1.KeyUsage) error {
	for _, usage := range usages {
		switch usage {
		case certificatesv1.UsageDigitalSignature, certificatesv1.UsageKeyEncipherment, certificatesv1.UsageClientAuth:
		default:
			return fmt.Errorf("invalid usage for client certificate: %s", usage)
		}
	}
	if !slices.Contains(usages, certificatesv1.UsageClientAuth) {
		return fmt.Errorf("missing required usage for client certificate: %s", certificatesv1.UsageClientAuth)
	}
	return nil
}

func kubeletClient(request *x509.CertificateRequest, usages []certificatesv1.KeyUsage) error {
	switch {
	case !slices.Equal(request.Subject.Organization, []string{nodesGroup}):
		return errors.New("subject organization is not system:nodes")
	case len(request.DNSNames) > 0:
		return errors.New("DNS subjectAltNames are not allowed")
	case len(request.EmailAddresses) > 0:
		//lint:ignore ST1005 these are Kubernetes\' words
		return errors.New("Email subjectAltNames are not allowed")
	case len(request.IPAddresses) > 0:
		return errors.New("IP subjectAltNames are not allowed")
	case len(request.URIs) > 0:
		return errors.New("URI subjectAltNames are not allowed")
	case !strings.HasPrefix(request.Subject.CommonName, nodeUserPrefix):
		//lint:ignore ST1005 these are Kubernetes\' words
		return errors.New("subject common name does not begin with system:node:")
	}
	return nodeUsages(usages, certificatesv1.UsageClientAuth)
}

func kubeletServing(request *x509.CertificateRequest, usages []certificatesv1.KeyUsage) error {
	switch {
	case !slices.Equal(request.Subject.Organization, []string{nodesGroup}):
		return errors.New("subject organization is not system:nodes")
	case len(request.DNSNames) == 0 && len(request.IPAddresses) == 0:
		return errors.New("DNS or IP subjectAltName is required")
	case len(request.EmailAddresses) > 0:
		//lint:ignore ST1005 these are Kubernetes\' words
		return errors.New("Email subjectAltNames are not allowed")
	case len(request.URIs) > 0:
		return errors.New("URI subjectAltNames are not allowed")
	case !strings.HasPrefix(request.Subject.CommonName, nodeUserPrefix):
		//lint:ignore ST1005 these are Kubernetes\' words
		return errors.New("subject common name does not begin with system:node:")
	}
	return nodeUsages(usages, certificatesv1.UsageServerAuth)
}

// nodeUsages: exactly what TLS needs at one end. Keys other than RSA encipher
// nothing, so that one may be missing.
func nodeUsages(usages []certificatesv1.KeyUsage, end certificatesv1.KeyUsage) error {
	want := []certificatesv1.KeyUsage{end, certificatesv1.UsageDigitalSignature, certificatesv1.UsageKeyEncipherment}
	slices.Sort(want)
	got := slices.Compact(slices.Sorted(slices.Values(usages)))
	least := slices.DeleteFunc(slices.Clone(want), func(u certificatesv1.KeyUsage) bool { return u == certificatesv1.UsageKeyEncipherment })
	if slices.Equal(got, want) || slices.Equal(got, least) {
		return nil
	}
	return fmt.Errorf("usages did not match %v", want)
}

// has says whether a request has a condition.
func has(csr *certificatesv1.CertificateSigningRequest, condition certificatesv1.RequestConditionType) bool {
	return slices.ContainsFunc(csr.Status.Conditions, func(c certificatesv1.CertificateSigningRequestCondition) bool {
		return c.Type == condition && c.Status != corev1.ConditionFalse
	})
}
