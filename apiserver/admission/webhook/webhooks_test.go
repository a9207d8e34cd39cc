package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A mutating webhook's patch is applied, in the order of names; what a later
// one sees is what the earlier has left.
func TestMutating(t *testing.T) {
	run(t, func(f *fixture) {
		f.serve("first", answer(patch(`[{"op":"add","path":"/data/first","value":"yes"}]`)))
		f.serve("second", answer(patch(`[{"op":"copy","from":"/data/first","path":"/data/second"}]`)))
		f.mutating("b", f.entry("second"))
		f.mutating("a", f.entry("first"))
		f.create("one", http.StatusCreated)
		require.Equal(t, map[string]string{"a": "1", "first": "yes", "second": "yes"}, f.stored("one").Data)
	})
}

// What a validating webhook refuses is not stored, and the client hears why.
func TestValidating(t *testing.T) {
	run(t, func(f *fixture) {
		f.serve("no", answer(deny("not today")))
		f.validating("v", f.entry("no"))
		status := f.create("one", http.StatusBadRequest)
		require.Equal(t, `admission webhook "no.example.com" denied the request: not today`, status["message"])
	})
}

func TestValidating_status(t *testing.T) {
	run(t, func(f *fixture) {
		f.serve("no", answer(func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
			return &admissionv1.AdmissionResponse{Result: &metav1.Status{
				Code: http.StatusTeapot, Reason: "Teapot", Status: metav1.StatusSuccess,
			}}
		}))
		f.validating("v", f.entry("no"))
		status := f.create("one", http.StatusTeapot)
		require.Equal(t, `admission webhook "no.example.com" denied the request: Teapot`, status["message"])
		require.Equal(t, "Teapot", status["reason"])
		require.Equal(t, "Failure", status["status"])
	})
}

// What a webhook is told of an update.
func TestRequest(t *testing.T) {
	run(t, func(f *fixture) {
		var asked []*admissionv1.AdmissionRequest
		f.serve("look", answer(func(r *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
			asked = append(asked, r)
			return &admissionv1.AdmissionResponse{Allowed: true}
		}))
		f.create("one", http.StatusCreated)
		f.validating("v", f.entry("look"))
		f.send(http.MethodPatch, maps+"/one?fieldManager=me", http.StatusOK, `{"data":{"a":"2"}}`)
		f.send(http.MethodDelete, maps+"/one", http.StatusOK, ``)

		require.Len(t, asked, 2)
		update, remove := asked[0], asked[1]
		require.Equal(t, "one", update.Name)
		require.Equal(t, "shop", update.Namespace)
		require.Equal(t, admissionv1.Update, update.Operation)
		require.Equal(t, metav1.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, update.Kind)
		require.Equal(t, metav1.GroupVersionResource{Version: "v1", Resource: "configmaps"}, *update.RequestResource)
		require.Equal(t, "ann", update.UserInfo.Username)
		require.Equal(t, []string{"crew"}, update.UserInfo.Groups)
		require.False(t, *update.DryRun)
		require.NotEmpty(t, update.UID)
		require.Equal(t, "2", data(t, update.Object.Raw)["a"])
		require.Equal(t, "1", data(t, update.OldObject.Raw)["a"])
		require.JSONEq(t, `{"kind":"UpdateOptions","apiVersion":"meta.k8s.io/v1","fieldManager":"me"}`, string(update.Options.Raw))

		require.Equal(t, admissionv1.Delete, remove.Operation)
		require.Empty(t, remove.Object.Raw)
		require.Equal(t, "2", data(t, remove.OldObject.Raw)["a"])
		require.Contains(t, string(remove.Options.Raw), `"DeleteOptions"`)
	})
}

func data(t *testing.T, raw []byte) map[string]string {
	var obj struct {
		APIVersion, Kind string
		Data             map[string]string
	}
	require.NoError(t, json.Unmarshal(raw, &obj), "%s", raw)
	require.Equal(t, "v1 ConfigMap", obj.APIVersion+" "+obj.Kind)
	return obj.Data
}

// A webhook that does not answer in time has failed. Its policy says what that
// means.
func TestTimeout(t *testing.T) {
	run(t, func(f *fixture) {
		var told string
		f.serve("slow", func(w http.ResponseWriter, r *http.Request) {
			told = r.URL.String()
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		})
		slow := func(h *admissionregistrationv1.MutatingWebhook) { h.TimeoutSeconds = new(int32(1)) }
		f.validating("v", f.entry("slow", slow))
		before := time.Now()
		status := f.create("one", http.StatusInternalServerError)
		require.Equal(t, time.Second, time.Since(before))
		require.Equal(t, `Internal error occurred: failed calling webhook "slow.example.com": failed to call webhook: `+
			`Post "https://slow.hooks.svc:443/judge?timeout=1s": context deadline exceeded`, status["message"])
		require.Equal(t, "/judge?timeout=1s", told)

		f.send(http.MethodPatch, "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v", http.StatusOK,
			`{"webhooks":[`+string(must(json.Marshal(f.entry("slow", slow, ignore))))+`]}`)
		f.create("two", http.StatusCreated)
	})
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

func ignore(h *admissionregistrationv1.MutatingWebhook) {
	h.FailurePolicy = new(admissionregistrationv1.Ignore)
}

// Which requests a webhook sees.
func TestMatching(t *testing.T) {
	selects := func(name string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{"name": name}}
	}
	resources := func(names ...string) func(*admissionregistrationv1.MutatingWebhook) {
		return func(h *admissionregistrationv1.MutatingWebhook) { h.Rules[0].Resources = names }
	}
	condition := func(text string) func(*admissionregistrationv1.MutatingWebhook) {
		return func(h *admissionregistrationv1.MutatingWebhook) {
			h.MatchConditions = append(h.MatchConditions, admissionregistrationv1.MatchCondition{Name: "c", Expression: text})
		}
	}
	scope := func(s admissionregistrationv1.ScopeType) func(*admissionregistrationv1.MutatingWebhook) {
		return func(h *admissionregistrationv1.MutatingWebhook) { h.Rules[0].Scope = &s }
	}
	for name, c := range map[string]struct {
		change func(*admissionregistrationv1.MutatingWebhook)
		seen   bool
	}{
		"as it is":       {func(*admissionregistrationv1.MutatingWebhook) {}, true},
		"everything":     {resources("*/*"), true},
		"no subresource": {resources("*"), true},
		"its own":        {resources("configmaps/*"), true},
		"of others":      {resources("pods/*", "configmaps/status"), false},
		"operation": {func(h *admissionregistrationv1.MutatingWebhook) {
			h.Rules[0].Operations = []admissionregistrationv1.OperationType{"UPDATE", "DELETE"}
		}, false},
		"group":             {func(h *admissionregistrationv1.MutatingWebhook) { h.Rules[0].APIGroups = []string{"apps"} }, false},
		"namespaced":        {scope(admissionregistrationv1.NamespacedScope), true},
		"cluster":           {scope(admissionregistrationv1.ClusterScope), false},
		"namespace":         {func(h *admissionregistrationv1.MutatingWebhook) { h.NamespaceSelector = selects("shop") }, true},
		"another namespace": {func(h *admissionregistrationv1.MutatingWebhook) { h.NamespaceSelector = selects("harbour") }, false},
		"object":            {func(h *admissionregistrationv1.MutatingWebhook) { h.ObjectSelector = selects("one") }, false},
		"condition":         {condition("object.data.a == '1' && request.userInfo.username == 'ann'"), true},
		"condition fails":   {condition("request.operation == 'UPDATE'"), false},
		"authorizer":        {condition("authorizer.group('').resource('pods').check('get').allowed()"), true},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(f *fixture) {
				f.serve("no", answer(deny("seen")))
				f.validating("v", f.entry("no", c.change))
				code := http.StatusCreated
				if c.seen {
					code = http.StatusBadRequest
				}
				f.create("one", code)
			})
		})
	}
}

// A condition that cannot be evaluated is a failure.
func TestMatching_conditionFails(t *testing.T) {
	run(t, func(f *fixture) {
		f.serve("no", answer(deny("seen")))
		broken := func(h *admissionregistrationv1.MutatingWebhook) {
			h.MatchConditions = []admissionregistrationv1.MatchCondition{{Name: "c", Expression: "object.data.missing == 'x'"}}
		}
		f.validating("v", f.entry("no", broken))
		status := f.create("one", http.StatusForbidden)
		require.Contains(t, status["message"], "no such key: missing")
		f.send(http.MethodDelete, "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v", http.StatusOK, "")
		f.validating("v", f.entry("no", broken, ignore))
		f.create("one", http.StatusCreated)
	})
}

// Configurations cannot lock themselves: no webhook sees them.
func TestExempt(t *testing.T) {
	run(t, func(f *fixture) {
		f.serve("no", answer(deny("everything")))
		f.validating("v", f.entry("no", func(h *admissionregistrationv1.MutatingWebhook) { h.Rules[0].Resources = []string{"*/*"} }))
		f.create("one", http.StatusBadRequest)
		f.send(http.MethodDelete, "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v", http.StatusOK, "")
		f.create("one", http.StatusCreated)
	})
}

// A webhook that wants it is called again when a later one has changed the
// object; one that does not is not.
func TestReinvocation(t *testing.T) {
	run(t, func(f *fixture) {
		var calls []string
		counting := func(name string, judge func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse) http.HandlerFunc {
			return answer(func(r *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
				calls = append(calls, name)
				return judge(r)
			})
		}
		f.serve("first", counting("first", allow))
		f.serve("second", counting("second", patch(`[{"op":"add","path":"/data/b","value":"2"}]`)))
		again := func(h *admissionregistrationv1.MutatingWebhook) {
			h.ReinvocationPolicy = new(admissionregistrationv1.IfNeededReinvocationPolicy)
		}
		f.mutating("m", f.entry("first", again), f.entry("second"))
		f.create("one", http.StatusCreated)
		require.Equal(t, []string{"first", "second", "first"}, calls)
	})
}

// A dry run reaches only webhooks that say they do nothing else.
func TestDryRun(t *testing.T) {
	run(t, func(f *fixture) {
		f.serve("yes", answer(func(r *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
			require.True(t, *r.DryRun)
			return &admissionv1.AdmissionResponse{Allowed: true}
		}))
		f.validating("v", f.entry("yes"))
		f.send(http.MethodPost, maps+"?dryRun=All", http.StatusCreated, `{"metadata":{"name":"one"}}`)
		old := &admissionregistrationv1.MutatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "old"}, // of a time when this was allowed
			Webhooks: []admissionregistrationv1.MutatingWebhook{f.entry("yes", func(h *admissionregistrationv1.MutatingWebhook) {
				h.SideEffects = new(admissionregistrationv1.SideEffectClassSome)
			})},
		}
		f.store(old)
		synctest.Wait()
		status := f.send(http.MethodPost, maps+"?dryRun=All", http.StatusBadRequest, `{"metadata":{"name":"one"}}`)
		require.Equal(t, `admission webhook "yes.example.com" does not support dry run`, status["message"])
	})
}

// Warnings of webhooks reach the client.
func TestWarnings(t *testing.T) {
	run(t, func(f *fixture) {
		f.serve("warn", answer(func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
			return &admissionv1.AdmissionResponse{Allowed: true, Warnings: []string{"mind the gap"}}
		}))
		f.validating("v", f.entry("warn"))
		w := f.sent(http.MethodPost, maps, `{"metadata":{"name":"one"}}`)
		require.Equal(t, `299 - "mind the gap"`, w.Header().Get("Warning"))
	})
}

// A service's endpoint is looked up for each call.
func TestEndpointsMove(t *testing.T) {
	run(t, func(f *fixture) {
		f.validating("v", f.entry("moving"))
		status := f.create("one", http.StatusInternalServerError)
		require.Equal(t, `Internal error occurred: failed calling webhook "moving.example.com": failed to call webhook: `+
			`Post "https://moving.hooks.svc:443/judge?timeout=10s": service "moving" not found`, status["message"])
		f.serve("moving", answer(allow))
		f.create("one", http.StatusCreated)
		f.send(http.MethodPatch, "/apis/discovery.k8s.io/v1/namespaces/hooks/endpointslices/moving", http.StatusOK,
			`{"endpoints":[{"addresses":["10.0.0.77"]}]}`)
		f.listen("10.0.0.77:8443", "moving", answer(deny("moved")))
		status = f.create("two", http.StatusBadRequest)
		require.Contains(t, status["message"], "moved")
		synctest.Wait()
	})
}
