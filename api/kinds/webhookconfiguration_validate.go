package kinds

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxWebhookSeconds is how long a request may be held up by one webhook.
const maxWebhookSeconds = 30

func checkWebhooks(j *judge, name string, webhooks []admissionv1.MutatingWebhook) {
	names := nameSet{}
	for i := range webhooks {
		w, path := &webhooks[i], field.NewPath("webhooks").Index(i)
		checkWebhook(j, w, path)
		checkReviewVersions(j, w.AdmissionReviewVersions, path.Child("admissionReviewVersions"))
		names.unique(j, path.Child("name"), w.Name)
	}
	checkNotStatic(j, name)
}

func checkWebhook(j *judge, w *admissionv1.MutatingWebhook, path *field.Path) {
	j.add(validation.IsFullyQualifiedName(path.Child("name"), w.Name))
	for i := range w.Rules {
		checkAdmissionRule(j, &w.Rules[i], path.Child("rules").Index(i))
	}
	checkFailurePolicy(j, w.FailurePolicy, path.Child("failurePolicy"))
	if w.MatchPolicy != nil {
		supported(j, path.Child("matchPolicy"), *w.MatchPolicy, admissionv1.Equivalent, admissionv1.Exact)
	}
	// Who promises nothing about side effects could not be asked in a dry run.
	if side := path.Child("sideEffects"); w.SideEffects == nil {
		j.required(side, "must specify one of None, NoneOnDryRun")
	} else {
		supported(j, side, *w.SideEffects, admissionv1.SideEffectClassNone, admissionv1.SideEffectClassNoneOnDryRun)
	}
	if s := w.TimeoutSeconds; s != nil && (*s < 1 || *s > maxWebhookSeconds) {
		j.invalid(path.Child("timeoutSeconds"), *s, "the timeout value must be between 1 and 30 seconds")
	}
	checkSelector(j, w.NamespaceSelector, path.Child("namespaceSelector"))
	checkSelector(j, w.ObjectSelector, path.Child("objectSelector"))
	if w.ReinvocationPolicy != nil {
		checkReinvocation(j, *w.ReinvocationPolicy, path.Child("reinvocationPolicy"))
	}
	checkWebhookClient(j, &w.ClientConfig, path.Child("clientConfig"))
	checkMatchConditions(j, w.MatchConditions, path.Child("matchConditions"))
}

func checkFailurePolicy(j *judge, policy *admissionv1.FailurePolicyType, path *field.Path) {
	if policy != nil {
		supported(j, path, *policy, admissionv1.Fail, admissionv1.Ignore)
	}
}

func checkReinvocation(j *judge, policy admissionv1.ReinvocationPolicyType, path *field.Path) {
	supported(j, path, policy, admissionv1.IfNeededReinvocationPolicy, admissionv1.NeverReinvocationPolicy)
}

// reviewVersions are the versions of AdmissionReview that the server might speak,
// as far as configurations are concerned.
var reviewVersions = []string{"v1", "v1beta1"}

func checkReviewVersions(j *judge, versions []string, path *field.Path) {
	if len(versions) == 0 {
		j.required(path, "must specify one of "+strings.Join(reviewVersions, ", "))
		return
	}
	known := false
	for i, v := range versions {
		if slices.Contains(versions[:i], v) {
			j.invalid(path.Index(i), v, "duplicate version")
			continue
		}
		j.invalid(path.Index(i), v, validation.IsDNS1035Label(v)...)
		known = known || slices.Contains(reviewVersions, v)
	}
	if !known {
		j.invalid(path, versions, "must include at least one of "+strings.Join(reviewVersions, ", "))
	}
}

func checkWebhookClient(j *judge, c *admissionv1.WebhookClientConfig, path *field.Path) {
	switch {
	case (c.URL == nil) == (c.Service == nil):
		j.required(path, "exactly one of url or service is required")
	case c.URL != nil:
		checkWebhookURL(j, *c.URL, path.Child("url"))
	default:
		checkWebhookService(j, c.Service, path.Child("service"))
	}
}

func checkWebhookURL(j *judge, text string, path *field.Path) {
	const form = "; desired format: https://host[/path]"
	u, err := url.Parse(text)
	if err != nil {
		j.required(path, "url must be a valid URL: "+err.Error()+form)
		return
	}
	if u.Scheme != "https" {
		j.invalid(path, u.Scheme, "'https' is the only allowed URL scheme"+form)
	}
	if u.Host == "" {
		j.invalid(path, u.Host, "host must be specified"+form)
	}
	if u.User != nil {
		j.invalid(path, u.User.String(), "user information is not permitted in the URL")
	}
	if u.Fragment != "" {
		j.invalid(path, u.Fragment, "fragments are not permitted in the URL")
	}
	if u.RawQuery != "" {
		j.invalid(path, u.RawQuery, "query parameters are not permitted in the URL")
	}
}

func checkWebhookService(j *judge, s *admissionv1.ServiceReference, path *field.Path) {
	// Kubernetes calls a missing name a missing namespace, and the other way round.
	j.filled(path.Child("name"), s.Namespace)
	j.filled(path.Child("namespace"), s.Name)
	if s.Port != nil {
		for _, message := range validation.IsValidPortNum(int(*s.Port)) {
			j.invalid(path.Child("port"), *s.Port, "port is not valid: "+message)
		}
	}
	if s.Path != nil && *s.Path != "" && *s.Path != "/" {
		checkWebhookPath(j, *s.Path, path.Child("path"))
	}
}

// checkWebhookPath: a path may end in a slash, but have no empty part.
func checkWebhookPath(j *judge, p string, path *field.Path) {
	if p == "//" {
		j.invalid(path, p, "segment[0] may not be empty")
		return
	}
	if !strings.HasPrefix(p, "/") {
		j.invalid(path, p, "must start with a '/'")
	}
	for i, segment := range strings.Split(strings.TrimSuffix(p[1:], "/"), "/") {
		if segment == "" {
			j.invalid(path, p, fmt.Sprintf("segment[%d] may not be empty", i))
			continue
		}
		for _, message := range validation.IsDNS1123Subdomain(segment) {
			j.invalid(path, p, fmt.Sprintf("segment[%d]: %v", i, message))
		}
	}
}
