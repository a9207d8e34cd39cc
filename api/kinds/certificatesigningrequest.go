package kinds

import (
	"slices"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/coracle-k8s/coracle/api"
)

// certificateSigningRequests ask a signer for a certificate. What is asked stays
// as it is; somebody approves or denies it by one path, and the signer answers by
// another:
//
//	create -> pending -> /approval: Approved or Denied -> /status: the certificate, or Failed
//
// Who asks is written down by the server.
func certificateSigningRequests() *api.Resource {
	type request = *certificatesv1.CertificateSigningRequest
	return &api.Resource{
		GroupVersionKind: certificatesv1.SchemeGroupVersion.WithKind("CertificateSigningRequest"),
		Plural:           "certificatesigningrequests",
		Singular:         "certificatesigningrequest",
		ShortNames:       []string{"csr"},
		New:              func() api.Object { return &certificatesv1.CertificateSigningRequest{} },
		NewList:          func() runtime.Object { return &certificatesv1.CertificateSigningRequestList{} },
		ValidateName:     pathSegment,
		PrepareUpdate:    api.Pair(func(r, old request) { r.Spec = old.Spec }),
		ValidateCreate:   rule(checkSigningRequest),
		CopyStatus:       api.Pair(func(dst, src request) { dst.Status = src.Status }),
		PrepareStatus: api.Pair(func(r, old request) {
			keepApproval(r, old)
			timeConditions(r, old)
		}),
		ValidateStatus: pairRule(checkSigningStatus),
		Parts: []api.Part{{
			Name:     "approval",
			Copy:     api.Pair(func(dst, src request) { dst.Status.Conditions = src.Status.Conditions }),
			Prepare:  api.Pair(timeConditions),
			Validate: pairRule(checkSigningApproval),
		}},
		FieldNames: []string{"spec.signerName"},
		Fields:     api.Value(func(r request) fields.Set { return fields.Set{"spec.signerName": r.Spec.SignerName} }),
		Columns:    signingRequestColumns(),
	}
}

func signingRequestColumns() []api.Column {
	type request = *certificatesv1.CertificateSigningRequest
	spec := certificatesv1.CertificateSigningRequestSpec{}.SwaggerDoc()
	return table(
		api.AgeColumn(),
		text("SignerName", spec["signerName"], func(r request) string { return or(r.Spec.SignerName, none) }),
		text("Requestor", spec["request"], func(r request) string { return r.Spec.Username }),
		text("RequestedDuration", spec["expirationSeconds"], func(r request) string {
			if r.Spec.ExpirationSeconds == nil {
				return none
			}
			return duration.HumanDuration(time.Duration(*r.Spec.ExpirationSeconds) * time.Second)
		}),
		text("Condition", certificatesv1.CertificateSigningRequestStatus{}.SwaggerDoc()["conditions"], signingState),
	)
}

func signingState(r *certificatesv1.CertificateSigningRequest) string {
	has := func(t certificatesv1.RequestConditionType) bool { return len(conditionsOf(r, t)) > 0 }
	state := "Pending"
	switch {
	case has(certificatesv1.CertificateDenied):
		state = "Denied"
	case has(certificatesv1.CertificateApproved):
		state = "Approved"
	}
	if has(certificatesv1.CertificateFailed) {
		state += ",Failed"
	}
	if len(r.Status.Certificate) > 0 {
		state += ",Issued"
	}
	return state
}

// conditionsOf returns where the conditions of a type are.
func conditionsOf(r *certificatesv1.CertificateSigningRequest, t certificatesv1.RequestConditionType) []int {
	var at []int
	for i, c := range r.Status.Conditions {
		if c.Type == t {
			at = append(at, i)
		}
	}
	return at
}

// keepApproval keeps the conditions that are for the other path to write, so
// that a signer need not know all that is in them.
func keepApproval(r, old *certificatesv1.CertificateSigningRequest) {
	r.Status.Conditions = slices.Clone(r.Status.Conditions)
	for _, t := range []certificatesv1.RequestConditionType{certificatesv1.CertificateApproved, certificatesv1.CertificateDenied} {
		now, was := conditionsOf(r, t), conditionsOf(old, t)
		if len(now) != len(was) {
			continue // which the rules will refuse
		}
		for i := range was {
			r.Status.Conditions[now[i]] = old.Status.Conditions[was[i]]
		}
	}
}

// timeConditions notes when conditions came to be what they are.
func timeConditions(r, old *certificatesv1.CertificateSigningRequest) {
	now := metav1.Now()
	r.Status.Conditions = slices.Clone(r.Status.Conditions)
	for i := range r.Status.Conditions {
		c := &r.Status.Conditions[i]
		if c.LastUpdateTime.IsZero() {
			c.LastUpdateTime = now
		}
		if !c.LastTransitionTime.IsZero() {
			continue
		}
		c.LastTransitionTime = now
		for _, was := range old.Status.Conditions {
			if was.Type == c.Type && was.Status == c.Status && !was.LastTransitionTime.IsZero() {
				c.LastTransitionTime = was.LastTransitionTime
				break
			}
		}
	}
}
