package encryption

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store/sealed"
)

// registryRoot is where all objects are kept.
const registryRoot = "/registry/"

// Parse returns the rules of an EncryptionConfiguration in YAML or JSON. Of several
// rules for an object the first counts. Resources are the built-in ones. Errors never show a secret.
func Parse(data []byte, resources []*api.Resource) ([]sealed.Rule, error) {
	f, err := parse(data)
	if err != nil {
		return nil, err
	}
	var subjects []*subject
	for i := range f.Resources {
		path := field.NewPath("resources").Index(i)
		providers, err := f.Resources[i].providers(path.Child("providers"))
		if err != nil {
			return nil, err
		}
		if subjects, err = add(subjects, f.Resources[i].Resources, providers, path.Child("resources")); err != nil {
			return nil, err
		}
	}
	var rules []sealed.Rule
	for _, s := range subjects {
		if s.Group == "*" {
			rules = append(rules, plainRules()...)
		}
		prefixes, err := s.prefixes(resources)
		if err != nil {
			return nil, err
		}
		for _, prefix := range prefixes {
			rules = append(rules, sealed.Rule{Prefix: prefix, Providers: s.providers})
		}
	}
	return rules, nil
}

// plainRules are for what kube-apiserver keeps of its own and never encrypts, since
// it is no resource: leases of servers, and ports in use.
func plainRules() []sealed.Rule {
	var rules []sealed.Rule
	for _, own := range []string{"masterleases/", "peerserverleases/", "ranges/"} {
		rules = append(rules, sealed.Rule{Prefix: registryRoot + own, Providers: []sealed.Provider{sealed.Identity()}})
	}
	return rules
}

// A subject is what a section says something about: a resource, or with an asterisk
// all of a group, or of all groups.
type subject struct {
	schema.GroupResource
	path      *field.Path
	providers []sealed.Provider
}

// add adds the subjects of a section. One that an earlier section has already gets
// these providers, too, to read with.
func add(subjects []*subject, names []string, providers []sealed.Provider, path *field.Path) ([]*subject, error) {
	if len(names) == 0 {
		return nil, field.Required(path, "at least one resource is required")
	}
	for i, name := range names {
		at := path.Index(i)
		gr := schema.ParseGroupResource(name)
		if err := checkName(name, gr, at); err != nil {
			return nil, err
		}
		if slices.Contains(names[:i], name) {
			return nil, field.Invalid(at, name, "the same resource cannot be specified multiple times")
		}
		known := slices.IndexFunc(subjects, func(s *subject) bool { return s.GroupResource == gr })
		for _, s := range subjects {
			if s.GroupResource != gr && s.covers(gr) {
				return nil, field.Invalid(at, name, fmt.Sprintf("resource is masked by earlier rule %q", s.name()))
			}
		}
		if known >= 0 {
			subjects[known].providers = slices.Concat(subjects[known].providers, providers)
			continue
		}
		subjects = append(subjects, &subject{gr, at, providers})
	}
	return subjects, nil
}

// checkName refuses what would not do what it seems to say.
func checkName(name string, gr schema.GroupResource, path *field.Path) error {
	why := ""
	switch {
	case name == "*" || gr.Group == "*" && gr.Resource != "*" || strings.Contains(strings.TrimPrefix(gr.Resource, "*"), "*"):
		why = "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources"
	case name == "" || strings.Contains(name, "/"):
		why = "want RESOURCE or RESOURCE.GROUP"
	case strings.ToLower(name) != name:
		why = "resource name should not contain capital letters"
	case gr.Group == "events.k8s.io":
		why = "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file"
	case gr.Group == "extensions":
		why = "'extensions' group has been removed and cannot be used for encryption"
	default:
		return nil
	}
	return field.Invalid(path, name, why)
}

// covers says whether a subject is for all resources of another one.
func (s *subject) covers(other schema.GroupResource) bool {
	return s.Resource == "*" && (s.Group == "*" || s.Group == other.Group)
}

// name is a subject's name in the file.
func (s *subject) name() string {
	if s.Group == "" && s.Resource != "*" {
		return s.Resource
	}
	return s.Resource + "." + s.Group
}

// prefixes are where the subject's objects are kept.
func (s *subject) prefixes(resources []*api.Resource) ([]string, error) {
	if s.Group == "*" {
		return []string{registryRoot}, nil
	}
	var prefixes []string
	for _, r := range resources {
		if !r.Virtual && r.Group == s.Group && (r.Plural == s.Resource || s.Resource == "*") && !slices.Contains(prefixes, r.Prefix()) {
			prefixes = append(prefixes, r.Prefix())
		}
	}
	switch {
	case s.Group != "" && s.Resource == "*":
		prefixes = append(prefixes, registryRoot+s.Group+"/")
	case s.Group != "" && len(prefixes) == 0:
		prefixes = append(prefixes, registryRoot+s.Group+"/"+s.Resource+"/") // a custom resource, which may be still to come
	case len(prefixes) == 0:
		return nil, field.Invalid(s.path, s.name(), "there is no such resource")
	}
	return prefixes, nil
}
