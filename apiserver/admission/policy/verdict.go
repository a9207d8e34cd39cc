package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// maxAudited is how many breaches the audit log is told of a request.
const maxAudited = 50

// A verdict is what all validating policies say to a request.
type verdict struct {
	admission *apiserver.Admission
	denied    error // the first refusal
	audited   []auditedBreach
}

// An auditedBreach is what the audit log is told of a breach.
type auditedBreach struct {
	Message           string                         `json:"message"`
	Policy            string                         `json:"policy"`
	Binding           string                         `json:"binding"`
	ExpressionIndex   int                            `json:"expressionIndex"`
	ValidationActions []admissionv1.ValidationAction `json:"validationActions"`
}

// add takes in what a policy finds wrong, as the binding wants it.
func (v *verdict) add(p *validatingPolicy, b *binding, breaches []breach) {
	for _, breach := range breaches {
		if breach.always {
			v.deny(p, b, breach.message, "")
			continue
		}
		for _, action := range b.actions {
			switch action {
			case admissionv1.Deny:
				v.deny(p, b, breach.message, breach.reason)
			case admissionv1.Warn:
				v.admission.Warn(fmt.Sprintf("Validation failed for ValidatingAdmissionPolicy '%s' with binding '%s': %s",
					p.name, b.name, breach.message))
			case admissionv1.Audit:
				v.audited = append(v.audited, auditedBreach{breach.message, p.name, b.name, breach.rule, b.actions})
			}
		}
	}
}

// misconfigured refuses what cannot be judged at all, unless failures are to be
// ignored. A nil binding means that the policy itself is at fault.
func (v *verdict) misconfigured(p *validatingPolicy, b *binding, err error) {
	switch {
	case p.ignoresFailure():
	case b == nil:
		v.deny(p, nil, fmt.Sprintf("failed to configure policy: %v", err), "")
	default:
		v.deny(p, b, fmt.Sprintf("failed to configure binding: %v", err), "")
	}
}

func (v *verdict) deny(p *validatingPolicy, b *binding, message string, reason metav1.StatusReason) {
	if v.denied != nil {
		return
	}
	with := ""
	if b != nil {
		with = fmt.Sprintf(" with binding '%s'", b.name)
	}
	message = fmt.Sprintf("ValidatingAdmissionPolicy '%s'%s denied request: %s", p.name, with, message)
	refusal := forbidden(v.admission, errors.New(message))
	refusal.ErrStatus.Reason, refusal.ErrStatus.Code = reasonAndCode(reason)
	refusal.ErrStatus.Details.Causes = append(refusal.ErrStatus.Details.Causes, metav1.StatusCause{Message: message})
	v.denied = refusal
}

func reasonAndCode(reason metav1.StatusReason) (metav1.StatusReason, int32) {
	switch reason {
	case metav1.StatusReasonForbidden:
		return reason, http.StatusForbidden
	case metav1.StatusReasonUnauthorized:
		return reason, http.StatusUnauthorized
	case metav1.StatusReasonRequestEntityTooLarge:
		return reason, http.StatusRequestEntityTooLarge
	case "":
		return metav1.StatusReasonInvalid, http.StatusUnprocessableEntity
	default:
		return reason, http.StatusUnprocessableEntity
	}
}

// forbidden refuses a request. An object that has no name yet goes by what its
// name will begin with.
func forbidden(a *apiserver.Admission, err error) *apierrors.StatusError {
	name := a.Name
	if name == "" && a.Object != nil {
		name = a.Object.GetGenerateName()
	}
	return apierrors.NewForbidden(a.Resource.GroupResource(), name, err)
}

// deliver tells the audit log, and returns the refusal if there is one.
func (v *verdict) deliver() error {
	if len(v.audited) > 0 {
		told := v.audited[:min(len(v.audited), maxAudited)]
		if data, err := json.Marshal(told); err == nil {
			v.admission.Annotate("validation.policy.admission.k8s.io/validation_failure", string(data))
		}
	}
	return v.denied
}
