package kinds

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A signer has a name of the form example.com/path.
const (
	maxSignerDomain = validation.DNS1123SubdomainMaxLength
	maxSignerName   = maxSignerDomain + 1 + validation.DNS1123LabelMaxLength + 1 + validation.DNS1123SubdomainMaxLength
)

func checkSignerName(j *judge, name string, path *field.Path) {
	if !j.filled(path, name) {
		return
	}
	domain, rest, found := strings.Cut(name, "/")
	if !found || strings.Contains(rest, "/") {
		j.invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")
		return
	}
	if len(domain) > maxSignerDomain {
		j.tooLong(path, maxSignerDomain)
	}
	checkSignerLabels(j, domain, path, validation.IsDNS1123Label)
	if !strings.Contains(domain, ".") {
		j.invalid(path, domain, "should be a domain with at least two segments separated by dots")
	}
	checkSignerLabels(j, rest, path, validation.IsDNS1123Subdomain)
	if len(name) > maxSignerName {
		j.tooLong(path, maxSignerName)
	}
}

// checkSignerLabels reports the first label that is wrong.
func checkSignerLabels(j *judge, text string, path *field.Path, problems func(string) []string) {
	for _, label := range strings.Split(text, ".") {
		if found := problems(label); len(found) > 0 {
			for _, message := range found {
				j.invalid(path, text, fmt.Sprintf("validating label %q: %s", label, message))
			}
			return
		}
	}
}

// isKubernetesSigner says whether the name is one that Kubernetes keeps for itself.
func isKubernetesSigner(name string) bool {
	domain, _, _ := strings.Cut(name, "/")
	return domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io")
}
