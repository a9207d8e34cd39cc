package kinds

import (
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// Webhook configurations say which requests the server sends to whom before it
// stores them. The two kinds differ in one field only, so their rules, in
// webhookconfiguration_validate.go, are over the one that has it.

func validatingWebhookConfigurations() *api.Resource {
	type configuration = *admissionv1.ValidatingWebhookConfiguration
	return &api.Resource{
		GroupVersionKind: admissionv1.SchemeGroupVersion.WithKind("ValidatingWebhookConfiguration"),
		Plural:           "validatingwebhookconfigurations",
		Singular:         "validatingwebhookconfiguration",
		Categories:       []string{"api-extensions"},
		New:              func() api.Object { return &admissionv1.ValidatingWebhookConfiguration{} },
		NewList:          func() runtime.Object { return &admissionv1.ValidatingWebhookConfigurationList{} },
		Default: api.Do(func(c configuration) {
			for i := range c.Webhooks {
				w := &c.Webhooks[i]
				defaultWebhook(&w.FailurePolicy, &w.MatchPolicy, &w.NamespaceSelector, &w.ObjectSelector)
				defaultWebhookCall(&w.ClientConfig, &w.TimeoutSeconds, w.Rules)
			}
		}),
		Validate: rule(func(j *judge, c configuration) {
			checkWebhooks(j, c.Name, mutating(c.Webhooks))
		}),
		Generation:            true,
		NoUnconditionalUpdate: true,
		Columns:               webhookColumns(func(c configuration) int { return len(c.Webhooks) }),
	}
}

func mutatingWebhookConfigurations() *api.Resource {
	type configuration = *admissionv1.MutatingWebhookConfiguration
	return &api.Resource{
		GroupVersionKind: admissionv1.SchemeGroupVersion.WithKind("MutatingWebhookConfiguration"),
		Plural:           "mutatingwebhookconfigurations",
		Singular:         "mutatingwebhookconfiguration",
		Categories:       []string{"api-extensions"},
		New:              func() api.Object { return &admissionv1.MutatingWebhookConfiguration{} },
		NewList:          func() runtime.Object { return &admissionv1.MutatingWebhookConfigurationList{} },
		Default: api.Do(func(c configuration) {
			for i := range c.Webhooks {
				w := &c.Webhooks[i]
				defaultWebhook(&w.FailurePolicy, &w.MatchPolicy, &w.NamespaceSelector, &w.ObjectSelector)
				defaultWebhookCall(&w.ClientConfig, &w.TimeoutSeconds, w.Rules)
				setDefaultPtr(&w.ReinvocationPolicy, admissionv1.NeverReinvocationPolicy)
			}
		}),
		Validate: rule(func(j *judge, c configuration) {
			checkWebhooks(j, c.Name, c.Webhooks)
		}),
		Generation:            true,
		NoUnconditionalUpdate: true,
		Columns:               webhookColumns(func(c configuration) int { return len(c.Webhooks) }),
	}
}

// mutating returns webhooks in the form that has all fields.
func mutating(webhooks []admissionv1.ValidatingWebhook) []admissionv1.MutatingWebhook {
	out := make([]admissionv1.MutatingWebhook, 0, len(webhooks))
	for _, w := range webhooks {
		out = append(out, admissionv1.MutatingWebhook{
			Name: w.Name, ClientConfig: w.ClientConfig, Rules: w.Rules,
			FailurePolicy: w.FailurePolicy, MatchPolicy: w.MatchPolicy,
			NamespaceSelector: w.NamespaceSelector, ObjectSelector: w.ObjectSelector,
			SideEffects: w.SideEffects, TimeoutSeconds: w.TimeoutSeconds,
			AdmissionReviewVersions: w.AdmissionReviewVersions, MatchConditions: w.MatchConditions,
		})
	}
	return out
}

func webhookColumns[T api.Object](webhooks func(T) int) []api.Column {
	return table(
		integer("Webhooks", "Webhooks indicates the number of webhooks registered in this configuration",
			func(c T) int64 { return int64(webhooks(c)) }),
		api.AgeColumn(),
	)
}

// defaultWebhook: what cannot be asked refuses, and everything is matched.
func defaultWebhook(failure **admissionv1.FailurePolicyType, match **admissionv1.MatchPolicyType, namespaces, objects **metav1.LabelSelector) {
	setDefaultPtr(failure, admissionv1.Fail)
	setDefaultPtr(match, admissionv1.Equivalent)
	setDefaultPtr(namespaces, metav1.LabelSelector{})
	setDefaultPtr(objects, metav1.LabelSelector{})
}

func defaultWebhookCall(client *admissionv1.WebhookClientConfig, timeout **int32, rules []admissionv1.RuleWithOperations) {
	setDefaultPtr(timeout, 10)
	if client.Service != nil {
		setDefaultPtr(&client.Service.Port, 443)
	}
	for i := range rules {
		setDefaultPtr(&rules[i].Scope, admissionv1.AllScopes)
	}
}

// staticSuffix ends the names of configurations that Kubernetes reads from files.
const staticSuffix = ".static.k8s.io"

func checkNotStatic(j *judge, name string) {
	if strings.HasSuffix(name, staticSuffix) {
		j.invalid(field.NewPath("metadata", "name"), name,
			`names ending with "`+staticSuffix+`" are reserved for static manifest-based configurations and cannot be managed via the API`)
	}
}
