package webhook_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// A webhook that misbehaves has failed: the request ends with an error that says
// how, and the server goes on.
func TestHostile(t *testing.T) {
	text := func(code int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	response := func(change func(*admissionv1.AdmissionResponse)) http.HandlerFunc {
		return answer(func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
			r := &admissionv1.AdmissionResponse{Allowed: true}
			change(r)
			return r
		})
	}
	const invalid = "received invalid webhook response: "
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"another's answer": {response(func(r *admissionv1.AdmissionResponse) { r.UID = "mine" }), invalid + `expected response.uid=`},
		"no answer":        {text(200, "application/json", `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}`), invalid + "webhook response was absent"},
		"another kind":     {text(200, "application/json", `{"kind":"Status","apiVersion":"v1","response":{"uid":""}}`), invalid + "expected response.uid="},
		"not JSON":         {text(200, "application/json", `yes`), "couldn't get version/kind; json parse error"},
		"a page":           {text(200, "text/html", `<html>`), "couldn't get version/kind; json parse error"},
		"empty":            {text(200, "application/json", ``), "couldn't get version/kind; json parse error"},
		"not found":        {text(404, "text/plain", `404 page not found`), "failed to call webhook: the server could not find the requested resource"},
		"error":            {text(500, "text/plain", `oops`), `failed to call webhook: an error on the server ("oops") has prevented the request from succeeding`},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			http.Redirect(w, r, "https://169.254.169.254/", http.StatusTemporaryRedirect)
		}, "failed to call webhook: "},
		"hangs up":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"endless":     {endless, "the response is larger than"},
		"drips":       {drips, "context deadline exceeded"},
		"patch alone": {response(func(r *admissionv1.AdmissionResponse) { r.Patch = []byte(`[]`) }), invalid + "webhook returned response.patch but not response.patchType"},
		"type alone":  {response(func(r *admissionv1.AdmissionResponse) { r.PatchType = new(admissionv1.PatchTypeJSONPatch) }), invalid + "webhook returned response.patchType but not response.patch"},
		"other type": {response(func(r *admissionv1.AdmissionResponse) {
			r.Patch, r.PatchType = []byte(`[{"op":"remove","path":"/data"}]`), new(admissionv1.PatchType("Merge"))
		}), `unsupported patch type "Merge"`},
		"no patch": {answer(patch(`{"op":1}`)), "received undecodable patch in webhook response"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(f *fixture) {
				f.serve("bad", c.handler)
				f.mutating("m", f.entry("bad"))
				status := f.create("one", http.StatusInternalServerError)
				require.Contains(t, status["message"], `failed calling webhook "bad.example.com": `)
				require.Contains(t, status["message"], c.want)

				f.mutating("n", f.entry("bad", ignore))
				f.send(http.MethodDelete, "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/m", http.StatusOK, "")
				f.create("one", http.StatusCreated)
			})
		})
	}
}

func endless(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	chunk := []byte(strings.Repeat(" ", 1<<20))
	for range 100 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// drips sends its answer so slowly that it never comes.
func drips(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "{")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// A patch that does not apply, or that makes of the object what it may not be, is
// the webhook's fault, whatever its failure policy.
func TestHostile_patches(t *testing.T) {
	grow := []string{fmt.Sprintf(`{"op":"add","path":"/data/x0","value":%q}`, strings.Repeat("x", 1000))}
	for i := range 60 {
		grow = append(grow, fmt.Sprintf(`{"op":"copy","from":"/data","path":"/data/d%d"}`, i))
	}
	many := strings.Repeat(`{"op":"add","path":"/data/a","value":"b"},`, 10_000)
	for name, c := range map[string]struct {
		patch, want string
		code        int
	}{
		"does not apply": {`[{"op":"remove","path":"/data/none"}]`, "Unable to remove nonexistent key: none", 500},
		"another kind":   {`[{"op":"replace","path":"/kind","value":"Secret"}]`, "read the patched object", 500},
		"another type":   {`[{"op":"replace","path":"/data","value":"text"}]`, "read the patched object", 500},
		"no object":      {`[{"op":"replace","path":"","value":[]}]`, "", 500},
		"doubles":        {"[" + strings.Join(grow, ",") + "]", "of 3145728 allowed", 500},
		"many":           {"[" + many + `{"op":"add","path":"/data/a","value":"b"}]`, "the patch has 10001 operations", 500},
		"another name":   {`[{"op":"replace","path":"/metadata/name","value":"Not A Name"}]`, "metadata.name: Invalid value", 422},
		"another place":  {`[{"op":"replace","path":"/metadata/namespace","value":"hooks"}]`, "the namespace of the provided object does not match", 400},
		"invalid":        {`[{"op":"add","path":"/data/a~1b","value":"c"}]`, "a valid config key must consist of", 422},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(f *fixture) {
				f.serve("bad", answer(patch(c.patch)))
				f.mutating("m", f.entry("bad", ignore))
				require.Contains(t, f.create("one", c.code)["message"], c.want)
			})
		})
	}
}

// What a webhook may not decide, its patch does not change.
func TestHostile_metadata(t *testing.T) {
	run(t, func(f *fixture) {
		f.serve("bad", answer(patch(`[{"op":"replace","path":"/metadata/uid","value":"mine"},
			{"op":"add","path":"/metadata/resourceVersion","value":"1"},
			{"op":"add","path":"/metadata/deletionTimestamp","value":"2000-01-01T00:00:00Z"},
			{"op":"replace","path":"/metadata/creationTimestamp","value":"1999-01-01T00:00:00Z"}]`)))
		f.mutating("m", f.entry("bad"))
		f.create("one", http.StatusCreated)
		one := f.stored("one")
		require.NotEqual(t, "mine", string(one.UID))
		require.Nil(t, one.DeletionTimestamp)
		require.Equal(t, 2000, one.CreationTimestamp.UTC().Year())
	})
}

// A certificate that is not for the service, or of another authority, is no good.
func TestHostile_certificates(t *testing.T) {
	run(t, func(f *fixture) {
		f.serve("one", answer(allow))
		f.serve("two", answer(allow))
		f.listeners["10.0.0.2:8443"] = f.listeners["10.0.0.1:8443"] // one answers for two
		f.validating("v", f.entry("two"))
		require.Contains(t, f.create("x", http.StatusInternalServerError)["message"],
			"tls: failed to verify certificate: x509: certificate is valid for one.hooks.svc, not two.hooks.svc")

		f.validating("w", f.entry("one", func(h *admissionregistrationv1.MutatingWebhook) { h.ClientConfig.CABundle = nil }))
		f.send(http.MethodDelete, "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v", http.StatusOK, "")
		require.Contains(t, f.create("x", http.StatusInternalServerError)["message"],
			"tls: failed to verify certificate: x509: certificate signed by unknown authority")
	})
}

// A rule for one version of a kind means the others too, and the webhook sees the
// object in its own.
func TestEquivalent(t *testing.T) {
	run(t, func(f *fixture) {
		var asked []*admissionv1.AdmissionRequest
		f.serve("look", answer(func(r *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
			asked = append(asked, r)
			return patch(`[{"op":"replace","path":"/spec/maxReplicas","value":9}]`)(r)
		}))
		rule := func(policy admissionregistrationv1.MatchPolicyType) func(*admissionregistrationv1.MutatingWebhook) {
			return func(h *admissionregistrationv1.MutatingWebhook) {
				h.MatchPolicy = &policy
				h.Rules[0].APIGroups, h.Rules[0].APIVersions = []string{"autoscaling"}, []string{"v1"}
				h.Rules[0].Resources = []string{"horizontalpodautoscalers"}
			}
		}
		f.mutating("exact", f.entry("look", rule(admissionregistrationv1.Exact)))
		const autoscaler = `{"metadata":{"name":%q},"spec":{"maxReplicas":5,"scaleTargetRef":{"kind":"Deployment","name":"web","apiVersion":"apps/v1"},
			"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60}}}]}}`
		const path = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
		f.send(http.MethodPost, path, http.StatusCreated, fmt.Sprintf(autoscaler, "one"))
		require.Empty(t, asked)

		f.mutating("equivalent", f.entry("look", rule(admissionregistrationv1.Equivalent)))
		made := f.send(http.MethodPost, path, http.StatusCreated, fmt.Sprintf(autoscaler, "two"))
		require.Len(t, asked, 1)
		require.Equal(t, "v1", asked[0].Kind.Version)
		require.Equal(t, "v2", asked[0].RequestKind.Version)
		require.Equal(t, "v1", asked[0].Resource.Version)
		var shown struct {
			APIVersion string
			Spec       struct{ TargetCPUUtilizationPercentage int }
		}
		require.NoError(t, json.Unmarshal(asked[0].Object.Raw, &shown))
		require.Equal(t, "autoscaling/v1", shown.APIVersion)
		require.Equal(t, 60, shown.Spec.TargetCPUUtilizationPercentage)
		spec := made["spec"].(map[string]any)
		require.EqualValues(t, 9, spec["maxReplicas"])
		require.Len(t, spec["metrics"], 1)
	})
}
