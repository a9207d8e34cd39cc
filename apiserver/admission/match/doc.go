// Package match decides which requests a webhook or an admission policy is for.
//
// # Model
//
// Both say it in the same words, and so does a policy's binding:
//
//	rules               operations, groups, versions, resources with subresources, scope
//	excluded rules      the same, for what is not meant after all
//	namespaceSelector   labels of the namespace the object is in, or is
//	objectSelector      labels of the object, or of the one before
//	matchPolicy         whether a rule for one version of a kind means all of them
//
// [Compile] reads them once; [Matcher.Match] answers for each request with the
// [Form] in which the object was matched, or with nil. Conditions, which are
// expressions, are judged afterwards: see [Conditions].
//
// # Forms
//
// A kind can be served in several versions. With the match policy Equivalent, a
// rule for apps.example.com/v1 also means requests that name v2; the webhook then
// sees the object as v1, whatever the client sent, and what it changes is carried
// back. [Form] converts both ways, by way of the stored form (api.Stored).
//
// # Exemptions
//
// Webhook configurations, policies and their bindings are never matched: a
// mistake in one of them must be possible to repair. Nor are questions about who
// somebody is and what they may do, of which the answer to every request depends.
//
// # In Kubernetes
//
// kube-apiserver has this twice, for webhooks and for policies. Which resources
// are equivalent it, too, knows from the place where they are stored.
//
// # Reading order
//
// match.go, rules.go, form.go, patch.go, conditions.go, rounds.go.
package match
