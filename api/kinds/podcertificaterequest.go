package kinds

import (
	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// podCertificateRequests ask a signer for a certificate for a pod, on the pod's
// behalf: its kubelet writes them. What they ask is judged in
// podcertificaterequest_validate.go, what they get in
// podcertificaterequest_status.go.
func podCertificateRequests() *api.Resource {
	type request = *certificatesv1.PodCertificateRequest
	doc := certificatesv1.PodCertificateRequestSpec{}.SwaggerDoc()
	return &api.Resource{
		GroupVersionKind: certificatesv1.SchemeGroupVersion.WithKind("PodCertificateRequest"),
		Plural:           "podcertificaterequests",
		Singular:         "podcertificaterequest",
		Namespaced:       true,
		New:              func() api.Object { return &certificatesv1.PodCertificateRequest{} },
		NewList:          func() runtime.Object { return &certificatesv1.PodCertificateRequestList{} },
		Default:          api.Do(func(r request) { setDefaultPtr(&r.Spec.MaxExpirationSeconds, maxOwnSignerSeconds) }),
		ValidateCreate:   rule(checkPodCertificateRequest),
		ValidateUpdate: pairRule(func(j *judge, r, old request) {
			j.unchanged(field.NewPath("spec"), r.Spec, old.Spec)
		}),
		ValidateStatus:        pairRule(checkPodCertificateStatus),
		CopyStatus:            api.Pair(func(dst, src request) { dst.Status = src.Status }),
		StatusAlone:           true,
		NoUnconditionalUpdate: true,
		FieldNames:            []string{"spec.signerName", "spec.podName", "spec.nodeName"},
		Fields: api.Value(func(r request) fields.Set {
			return fields.Set{
				"spec.signerName": r.Spec.SignerName, "spec.podName": r.Spec.PodName, "spec.nodeName": string(r.Spec.NodeName),
			}
		}),
		Columns: table(
			text("PodName", doc["podName"], func(r request) string { return r.Spec.PodName }),
			text("ServiceAccountName", doc["serviceAccountName"], func(r request) string { return r.Spec.ServiceAccountName }),
			text("NodeName", doc["nodeName"], func(r request) string { return string(r.Spec.NodeName) }),
			text("SignerName", doc["signerName"], func(r request) string { return r.Spec.SignerName }),
			text("State", "Is the request Pending, Issued, Denied, or Failed?", func(r request) string {
				return or(podCertificateState(r), "Pending")
			}),
			text("UnverifiedUserAnnotations", doc["unverifiedUserAnnotations"], func(r request) string {
				return labels.FormatLabels(r.Spec.UnverifiedUserAnnotations)
			}),
		),
	}
}

// podCertificateState returns how a request has ended, or "".
func podCertificateState(r *certificatesv1.PodCertificateRequest) string {
	for _, c := range r.Status.Conditions {
		switch c.Type {
		case certificatesv1.PodCertificateRequestConditionTypeIssued,
			certificatesv1.PodCertificateRequestConditionTypeDenied,
			certificatesv1.PodCertificateRequestConditionTypeFailed:
			return c.Type
		}
	}
	return ""
}
