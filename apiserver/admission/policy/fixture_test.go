package policy_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/policy"
	"github.com/coracle-k8s/coracle/apiserver/crd"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A fixture is an API server with policies, in a bubble.
type fixture struct {
	*apiserver.Server
	t     *testing.T
	audit map[string]string // what the last request noted
}

// run starts a server and lets a story happen.
func run(t *testing.T, story func(f *fixture)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{t: t}
		f.start()
		f.apply(`
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {tier: gold}}
`)
		story(f)
	})
}

type ann struct{}

func (ann) Authenticate(*http.Request) (*apiserver.User, error) {
	return &apiserver.User{Name: "ann"}, nil
}

// Authorize allows everything but one verb, of which expressions may ask.
func (ann) Authorize(_ context.Context, a *apiserver.Attributes) (apiserver.Decision, string, error) {
	if a.Verb == "fly" {
		return apiserver.Deny, "people cannot", nil
	}
	return apiserver.Allow, "", nil
}

func (f *fixture) start() {
	st := memstore.New()
	registry := crd.NewRegistry(kinds.Registry())
	storage := apiserver.NewStorage(st, registry, nil)
	definitions := crd.NewController(crd.Options{Storage: storage, Registry: registry})
	policies := policy.New(policy.Options{Storage: storage, Authorizer: ann{}})
	var err error
	f.Server, err = apiserver.New(apiserver.Config{
		Storage: storage, Authorizer: ann{}, Authenticators: []apiserver.Authenticator{ann{}},
		Collectors: policies.Collectors(),
		Hooks:      []apiserver.Hook{f.noting(), definitions.Hook(), policy.Expressions(), policies.Mutating(), policies.Validating()},
	})
	require.NoError(f.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = f.Run(ctx) })
	running.Go(func() { _ = policies.Run(ctx) })
	running.Go(func() { _ = policies.CheckTypes(ctx) })
	running.Go(func() { _ = definitions.Run(ctx) })
	f.t.Cleanup(func() {
		cancel()
		running.Wait()
		st.Close()
	})
}

// noting keeps what other hooks have for the audit log.
func (f *fixture) noting() apiserver.Hook {
	return apiserver.MutateFunc(func(_ context.Context, a *apiserver.Admission) error {
		f.audit = map[string]string{}
		a.Annotate = func(key, value string) { f.audit[key] = value }
		return nil
	})
}

var paths = map[string]string{
	"CustomResourceDefinition":         "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
	"Limit":                            "/apis/rules.example.com/v1/namespaces/shop/limits",
	"Namespace":                        "/api/v1/namespaces",
	"ConfigMap":                        "/api/v1/namespaces/shop/configmaps",
	"Pod":                              "/api/v1/namespaces/shop/pods",
	"Deployment":                       "/apis/apps/v1/namespaces/shop/deployments",
	"ValidatingAdmissionPolicy":        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
	"ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
	"MutatingAdmissionPolicy":          "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies",
	"MutatingAdmissionPolicyBinding":   "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings",
	"ValidatingWebhookConfiguration":   "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
}

// apply creates objects, which must succeed, and waits until all have seen them.
func (f *fixture) apply(documents string) {
	f.t.Helper()
	for _, document := range strings.Split(documents, "\n---\n") {
		w := f.create(document)
		require.Equal(f.t, http.StatusCreated, w.Code, "%s", w.Body)
	}
}

func (f *fixture) create(document string) *httptest.ResponseRecorder {
	f.t.Helper()
	var head struct{ Kind string }
	require.NoError(f.t, yaml.Unmarshal([]byte(document), &head))
	require.NotEmpty(f.t, paths[head.Kind], document)
	return f.send(http.MethodPost, paths[head.Kind], document)
}

func (f *fixture) send(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(f.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/yaml")
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/merge-patch+json")
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	synctest.Wait()
	return w
}

// refused creates an object, which must fail, and returns the status.
func (f *fixture) refused(code int, document string) map[string]any {
	f.t.Helper()
	w := f.create(document)
	require.Equal(f.t, code, w.Code, "%s", w.Body)
	return parse(f.t, w)
}

// made creates an object and returns it.
func (f *fixture) made(document string) map[string]any {
	f.t.Helper()
	w := f.create(document)
	require.Equal(f.t, http.StatusCreated, w.Code, "%s", w.Body)
	return parse(f.t, w)
}

func parse(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	var fields map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &fields), "%s", w.Body)
	return fields
}

const configMap = `
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {app: web}}
data: {replicas: "5"}
`

// validating returns a policy for config maps, with the rest of its spec, and a
// binding.
func validating(spec string) string {
	return `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: [configmaps, deployments, pods]}
` + spec
}

func binding(spec string) string {
	return `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: here}
spec:
  policyName: few
  validationActions: [Deny]
` + spec
}
