package auth

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/apiserver"
)

// Signers is the admission hook of certificates. A signer's name says what a
// certificate is good for, so each name has rights of its own, beside those to
// the object:
//
//	approve  signers NAME    to write certificatesigningrequests/approval
//	sign     signers NAME    to write certificatesigningrequests/status
//	sign     signers NAME    to write podcertificaterequests/status, too
//	attest   signers NAME    to write a clustertrustbundle of the signer
//
// NAME can be example.com/*, for all of a domain
// (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization).
// In Kubernetes these are the plugins CertificateApproval, CertificateSigning,
// ClusterTrustBundleAttest and CertificateSubjectRestriction.
type Signers struct {
	Authorizer apiserver.Authorizer
}

// Mutate implements apiserver.Hook.
func (Signers) Mutate(context.Context, *apiserver.Admission) error { return nil }

// Validate implements apiserver.Hook.
func (s Signers) Validate(ctx context.Context, a *apiserver.Admission) error {
	switch obj := a.Object.(type) {
	case *certificatesv1.CertificateSigningRequest:
		old, _ := a.Old.(*certificatesv1.CertificateSigningRequest)
		return s.checkRequest(ctx, a, obj, old)
	case *certificatesv1.PodCertificateRequest:
		old, _ := a.Old.(*certificatesv1.PodCertificateRequest)
		return s.checkPodRequest(ctx, a, obj, old)
	case *certificatesv1.ClusterTrustBundle:
		old, _ := a.Old.(*certificatesv1.ClusterTrustBundle)
		if obj.Spec.SignerName == "" || old != nil && equality.Semantic.DeepEqual(old.Spec, obj.Spec) {
			return nil
		}
		return s.check(ctx, a, "attest", obj.Spec.SignerName, "user not permitted to attest for signerName %q")
	}
	return nil
}

// checkRequest judges by the signer of the stored request: a write cannot change it.
func (s Signers) checkRequest(ctx context.Context, a *apiserver.Admission, csr, old *certificatesv1.CertificateSigningRequest) error {
	switch {
	case a.Operation == apiserver.Create && a.Subresource == "":
		return noMasters(a, csr)
	case old == nil:
		return nil
	case a.Subresource == "approval":
		return s.check(ctx, a, "approve", old.Spec.SignerName, "user not permitted to approve requests with signerName %q")
	case a.Subresource == "status":
		if slices.Equal(old.Status.Certificate, csr.Status.Certificate) &&
			equality.Semantic.DeepEqual(old.Status.Conditions, csr.Status.Conditions) {
			return nil
		}
		return s.check(ctx, a, "sign", old.Spec.SignerName, "user not permitted to sign requests with signerName %q")
	}
	return nil
}

// checkPodRequest lets nobody but a signer answer a pod's request for a certificate.
// Kubernetes says so as validation does.
func (s Signers) checkPodRequest(ctx context.Context, a *apiserver.Admission, request, old *certificatesv1.PodCertificateRequest) error {
	if a.Subresource != "status" || old == nil || equality.Semantic.DeepEqual(old.Status, request.Status) {
		return nil
	}
	signer := old.Spec.SignerName
	if s.check(ctx, a, "sign", signer, "%s") == nil {
		return nil
	}
	return apierrors.NewInvalid(a.Kind.GroupKind(), a.Name, field.ErrorList{field.Forbidden(field.NewPath("spec", "signerName"),
		fmt.Sprintf("User %q is not permitted to \"sign\" for signer %q", a.User.Name, signer))})
}

// noMasters refuses to make by certificate what no policy could take back.
func noMasters(a *apiserver.Admission, csr *certificatesv1.CertificateSigningRequest) error {
	if csr.Spec.SignerName != certificatesv1.KubeAPIServerClientSignerName {
		return nil
	}
	block, _ := pem.Decode(csr.Spec.Request)
	if block == nil {
		return nil // validation has refused it
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, fmt.Errorf("failed to parse CSR: %w", err))
	}
	if slices.Contains(request.Subject.Organization, GroupMasters) {
		return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name,
			fmt.Errorf("use of %s signer with system:masters group is not allowed", csr.Spec.SignerName))
	}
	return nil
}

// check asks for a right on the signer, or on all of its domain.
func (s Signers) check(ctx context.Context, a *apiserver.Admission, verb, signer, refusal string) error {
	domain, _, _ := strings.Cut(signer, "/")
	for _, name := range []string{signer, domain + "/*"} {
		if allowed(ctx, s.Authorizer, &apiserver.Attributes{
			User: a.User, Verb: verb, Name: name, Resource: certificatesv1.SchemeGroupVersion.WithResource("signers"),
		}) {
			return nil
		}
	}
	return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, fmt.Errorf(refusal, signer))
}
