package crd

import (
	"fmt"
	"net/url"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// protected says whether a group belongs to the Kubernetes community, whose
// kinds need to be approved (KEP-1111).
func protected(group string) bool {
	for _, domain := range []string{"k8s.io", "kubernetes.io"} {
		if group == domain || strings.HasSuffix(group, "."+domain) {
			return true
		}
	}
	return false
}

// approval reads the annotation that a kind of a protected group must have: the
// URL of the approval, or that there is none.
func approval(annotations map[string]string) (reason, text string) {
	const where = "see https://github.com/kubernetes/enhancements/pull/1111"
	value := annotations[apiextensionsv1.KubeAPIApprovedAnnotation]
	link, err := url.ParseRequestURI(value)
	switch {
	case value == "":
		return "MissingAnnotation", fmt.Sprintf("protected groups must have approval annotation %q, %s",
			apiextensionsv1.KubeAPIApprovedAnnotation, where)
	case strings.HasPrefix(value, "unapproved"):
		return "UnapprovedAnnotation", fmt.Sprintf("not approved: %q", value)
	case err == nil && link.Host != "" && link.Scheme != "":
		return "ApprovedAnnotation", "approved in " + value
	default:
		return "InvalidAnnotation", fmt.Sprintf(`protected groups must have approval annotation %q with either a URL or a reason starting with "unapproved", %s`,
			apiextensionsv1.KubeAPIApprovedAnnotation, where)
	}
}

// judgeApproval writes into d's status what became of its approval, if it needs one.
func judgeApproval(d *definition) {
	if !protected(d.Spec.Group) {
		return
	}
	reason, text := approval(d.Annotations)
	c := condition{
		Type: apiextensionsv1.KubernetesAPIApprovalPolicyConformant, Status: apiextensionsv1.ConditionFalse,
		Reason: reason, Message: text,
	}
	if reason == "ApprovedAnnotation" {
		c.Status = apiextensionsv1.ConditionTrue
	}
	setCondition(d, c)
}
