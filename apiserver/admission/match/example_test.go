package match_test

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

// Which requests does a webhook for labelled pods see?
func Example() {
	constraints, err := match.Compile(admissionv1.MatchResources{
		ObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		ResourceRules: match.Named([]admissionv1.RuleWithOperations{{
			Operations: []admissionv1.OperationType{"CREATE"},
			Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
		}}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	matcher := match.Matcher{Objects: typedtest.New(), Resources: kinds.Registry()}
	pods := kinds.Registry().ForKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	for _, app := range []string{"web", "mail"} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}}}
		form, err := matcher.Match(context.Background(), &apiserver.Admission{
			Operation: apiserver.Create, Resource: pods, Kind: pods.GroupVersionKind, Namespace: "shop", Object: pod,
		}, constraints)
		fmt.Println(app, form != nil, err)
	}
	// Output:
	// web true <nil>
	// mail false <nil>
}
