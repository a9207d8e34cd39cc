package kinds

import (
	"encoding/json"
	"strings"

	resourcev1 "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// How the parts of devices are called.

// checkAttachedName judges the name of a driver where capitals are allowed.
func checkAttachedName(j *judge, name string, path *field.Path) {
	if !j.filled(path, name) {
		return
	}
	if len(name) > maxDriverNameBytes {
		j.tooLong(path, maxDriverNameBytes)
	}
	//lint:ignore SA1019 Kubernetes judges it so
	j.invalid(path, name, content.IsDNS1123SubdomainCaseless(name)...)
}

// checkPoolName: a pool may be a path of names.
func checkPoolName(j *judge, name string, path *field.Path) {
	if !j.filled(path, name) {
		return
	}
	if len(name) > resourcev1.PoolNameMaxLength {
		j.tooLong(path, resourcev1.PoolNameMaxLength)
	}
	for _, part := range strings.Split(name, "/") {
		j.subdomain(path, part)
	}
}

// checkAttributeName: a name may begin with the domain it is of.
func checkAttributeName(j *judge, name string, path *field.Path) {
	domain, id, found := strings.Cut(name, "/")
	if !found {
		checkIdentifier(j, name, path)
		return
	}
	if domain == "" {
		j.invalid(path, "", "the domain must not be empty")
	} else {
		checkDriverName(j, domain, path)
	}
	if id == "" {
		j.invalid(path, "", "the name must not be empty")
	} else {
		checkIdentifier(j, id, path)
	}
}

// checkFullName is checkAttributeName where there must be a domain.
func checkFullName(j *judge, name string, path *field.Path) {
	checkAttributeName(j, name, path)
	if !strings.Contains(name, "/") {
		j.invalid(path, name, "a fully qualified name must be a domain and a name separated by a slash")
	}
}

func checkIdentifier(j *judge, id string, path *field.Path) {
	if len(id) > resourcev1.DeviceMaxIDLength {
		j.tooLong(path, resourcev1.DeviceMaxIDLength)
	}
	j.invalid(path, id, content.IsCIdentifier(id)...)
}

func checkLabelValue(j *judge, value string, path *field.Path) {
	j.invalid(path, value, validation.IsValidLabelValue(value)...)
}

// checkRaw judges the words of a driver, which must be a JSON object.
func checkRaw(j *judge, data []byte, most int, path *field.Path) {
	if len(data) > most {
		j.tooLong(path, most)
		return
	}
	var value any
	if len(data) > 0 {
		if err := json.Unmarshal(data, &value); err != nil {
			j.invalid(path, "<value omitted>", "error parsing data as JSON: "+err.Error())
			return
		}
	}
	if value == nil {
		j.required(path, "")
	} else if _, isObject := value.(map[string]any); !isObject {
		j.invalid(path, "<value omitted>", "must be a valid JSON object")
	}
}

// isExtendedName says whether a name is one of a resource that somebody else
// than Kubernetes counts.
func isExtendedName(name string) bool { return len(extendedNameProblems(name)) == 0 }

func extendedNameProblems(name string) []string {
	domain, _, found := strings.Cut(name, "/")
	switch {
	case !found:
		return append([]string{"a name must be a domain-prefixed path, such as 'example.com/my-prop'"}, validation.IsQualifiedName(name)...)
	case domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io"):
		return []string{"must be a valid extended resource name"}
	case strings.HasPrefix(name, "requests."):
		return []string{"must be a valid extended resource name"}
	}
	return validation.IsQualifiedName("requests." + name)
}
