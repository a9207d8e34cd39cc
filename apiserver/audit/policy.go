package audit

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/apiserver"
)

// A Policy says how much to keep of which request: the first of its rules that
// matches counts, and where none does, nothing is kept.
type Policy struct {
	rules []rule
}

// A rule is one of a policy, with what it inherits.
type rule struct {
	auditv1.PolicyRule
	keep apiserver.AuditRule
}

// NewPolicy returns a policy, or what is wrong with it.
func NewPolicy(p *auditv1.Policy) (*Policy, error) {
	if err := check(p).ToAggregate(); err != nil {
		return nil, fmt.Errorf("audit policy: %w", err)
	}
	made := &Policy{}
	for _, r := range p.Rules {
		keep := apiserver.AuditRule{
			Level: r.Level, OmitStages: slices.Concat(p.OmitStages, r.OmitStages), OmitManagedFields: p.OmitManagedFields,
		}
		if r.OmitManagedFields != nil {
			keep.OmitManagedFields = *r.OmitManagedFields
		}
		made.rules = append(made.rules, rule{r, keep})
	}
	return made, nil
}

// ParsePolicy reads a policy in YAML or JSON.
func ParsePolicy(data []byte) (*Policy, error) {
	var p auditv1.Policy
	asJSON, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, fmt.Errorf("audit policy: %w", err)
	}
	strict, err := json.UnmarshalStrict(asJSON, &p)
	if err := errors.Join(append(strict, err)...); err != nil {
		return nil, fmt.Errorf("audit policy: %w", err)
	}
	if want := auditv1.SchemeGroupVersion.String(); p.APIVersion != want || p.Kind != "Policy" {
		return nil, fmt.Errorf("audit policy: it is apiVersion %q, kind %q: want %s, Policy", p.APIVersion, p.Kind, want)
	}
	return NewPolicy(&p)
}

// LoadPolicy reads a policy from a file.
func LoadPolicy(path string) (*Policy, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("audit policy: %w", err)
	}
	p, err := ParsePolicy(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Sensible is a policy to begin with: writes with what was sent, but of Secrets,
// ConfigMaps and tokens, and of reads, metadata alone; nothing of what the parts of a
// cluster do all the time.
func Sensible() *Policy {
	p, err := ParsePolicy([]byte(sensible))
	if err != nil {
		panic("the sensible policy: " + err.Error()) // it is a constant
	}
	return p
}

// sensible stands in docs/audit.md, too.
const sensible = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
# Health checks, discovery, and the signs of life of the cluster's own parts.
- level: None
  nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", /version, "/openapi*", /api, "/api/*", /apis, "/apis/*"]
- level: None
  userGroups: ["system:nodes", "system:serviceaccounts:kube-system"]
  verbs: [get, list, watch]
- level: None
  users: ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy", "system:kube-dns"]
  verbs: [get, list, watch]
- level: None
  resources:
  - {group: coordination.k8s.io, resources: [leases]}
  - {group: "", resources: [events]}
  - {group: events.k8s.io, resources: [events]}
# What is secret: that it was used, but not what it is.
- level: Metadata
  resources:
  - {group: "", resources: [secrets, configmaps, serviceaccounts/token]}
  - {group: authentication.k8s.io, resources: [tokenreviews]}
# Who looks, and who goes into pods.
- level: Metadata
  verbs: [get, list, watch]
# Who changes what.
- level: Request
  resources:
  - {group: "*"}
- level: Metadata
`

func check(p *auditv1.Policy) field.ErrorList {
	errs := checkStages(p.OmitStages, field.NewPath("omitStages"))
	if len(p.Rules) == 0 {
		errs = append(errs, field.Required(field.NewPath("rules"), "a policy without rules keeps nothing"))
	}
	for i := range p.Rules {
		errs = append(errs, checkRule(&p.Rules[i], field.NewPath("rules").Index(i))...)
	}
	return errs
}

func checkRule(r *auditv1.PolicyRule, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	levels := []auditv1.Level{auditv1.LevelNone, auditv1.LevelMetadata, auditv1.LevelRequest, auditv1.LevelRequestResponse}
	switch {
	case r.Level == "":
		errs = append(errs, field.Required(path.Child("level"), ""))
	case !slices.Contains(levels, r.Level):
		errs = append(errs, field.NotSupported(path.Child("level"), r.Level, levels))
	}
	for i, url := range r.NonResourceURLs {
		at := path.Child("nonResourceURLs").Index(i)
		if url != "*" && !strings.HasPrefix(url, "/") {
			errs = append(errs, field.Invalid(at, url, "non-resource URL rules must begin with a '/' character"))
		}
		if strings.Contains(strings.TrimSuffix(url, "*"), "*") {
			errs = append(errs, field.Invalid(at, url, "non-resource URL wildcards '*' must be the final character of the rule"))
		}
	}
	for i, gr := range r.Resources {
		errs = append(errs, checkResources(gr, path.Child("resources").Index(i))...)
	}
	if len(r.NonResourceURLs) > 0 && len(r.Resources)+len(r.Namespaces) > 0 {
		errs = append(errs, field.Invalid(path.Child("nonResourceURLs"), r.NonResourceURLs,
			"rules cannot apply to both regular resources and non-resource URLs"))
	}
	return append(errs, checkStages(r.OmitStages, path.Child("omitStages"))...)
}

func checkResources(gr auditv1.GroupResources, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if gr.Group != "" && gr.Group != "*" {
		for _, text := range validation.NameIsDNSSubdomain(gr.Group, false) {
			errs = append(errs, field.Invalid(path.Child("group"), gr.Group, text))
		}
	}
	if len(gr.ResourceNames) > 0 && len(gr.Resources) == 0 {
		errs = append(errs, field.Invalid(path.Child("resourceNames"), gr.ResourceNames, "using resourceNames requires at least one resource"))
	}
	return errs
}

func checkStages(stages []auditv1.Stage, path *field.Path) field.ErrorList {
	known := []auditv1.Stage{
		auditv1.StageRequestReceived, auditv1.StageResponseStarted, auditv1.StageResponseComplete, auditv1.StagePanic,
	}
	var errs field.ErrorList
	for i, stage := range stages {
		if !slices.Contains(known, stage) {
			errs = append(errs, field.NotSupported(path.Index(i), stage, known))
		}
	}
	return errs
}
