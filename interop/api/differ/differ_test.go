package differ_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/interop/api/differ"
)

func TestParse(t *testing.T) {
	requests, err := differ.Parse(`
=== one
# why
POST /api/v1/things?dryRun=All
> Accept: text/plain
kind: Thing
data: {a: b}

=== two
GET /api
`)
	require.NoError(t, err)
	require.Len(t, requests, 2)
	require.Equal(t, differ.Request{
		Title: "one", Method: "POST", Path: "/api/v1/things?dryRun=All",
		Header: http.Header{"Accept": {"text/plain"}}, Body: "kind: Thing\ndata: {a: b}",
	}, requests[0])
	require.Equal(t, "two", requests[1].Title)
	_, err = differ.Parse("=== none\n")
	require.ErrorContains(t, err, `parse request "none"`)
}

// ask sends a request to a server that answers with a value as JSON.
func ask(t *testing.T, value any) differ.Answer {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value) // an error is a client that went away
	}))
	defer server.Close()
	s := differ.Server{Name: "test", URL: server.URL, HTTP: server.Client()}
	a, err := s.Ask(t.Context(), differ.Request{Method: "GET", Path: "/", Header: http.Header{}}, "ns")
	require.NoError(t, err)
	return a
}

func TestCompare(t *testing.T) {
	object := func(uid, revision, at string, replicas int) any {
		return map[string]any{
			"metadata": map[string]any{"uid": uid, "resourceVersion": revision, "creationTimestamp": at},
			"spec":     map[string]any{"replicas": replicas},
		}
	}
	one := ask(t, object("8a1f2b6e-0b0e-4d5c-9d53-1f2a3b4c5d6e", "12", "2026-01-02T03:04:05Z", 3))
	same := ask(t, object("1c1f2b6e-0b0e-4d5c-9d53-1f2a3b4c5d6e", "99", "2027-01-02T03:04:05Z", 3))
	require.Empty(t, differ.Compare(one, same), "what each server makes up does not count")

	other := ask(t, object("1c1f2b6e-0b0e-4d5c-9d53-1f2a3b4c5d6e", "", "2027-01-02T03:04:05Z", 4))
	require.Equal(t, []differ.Difference{
		{Path: ".metadata.resourceVersion", Want: "SOME", Have: ""},
		{Path: ".spec.replicas", Want: "3", Have: "4"},
	}, differ.Compare(one, other))
}

func ExampleCompare() {
	want := differ.Answer{Code: 200, Body: map[string]any{"kind": "Pod", "spec": map[string]any{}}}
	have := differ.Answer{Code: 200, Body: map[string]any{"kind": "Pods"}}
	for _, d := range differ.Compare(want, have) {
		fmt.Printf("%s: want %s, have %s\n", d.Path, d.Want, d.Have)
	}
	// Output:
	// .kind: want Pod, have Pods
	// .spec: want {}, have (nothing)
}

func TestReport(t *testing.T) {
	var r differ.Report
	get := differ.Request{Title: "get", Method: "GET", Path: "/x"}
	for _, kind := range []string{"kind v1 pods", "kind v1 nodes", "kind v1 secrets"} {
		r.Add(kind, get, []differ.Difference{{Path: ".items[3].a", Want: "1", Have: "2"}})
	}
	r.Add("errors", get, []differ.Difference{{Path: "code", Want: "404", Have: "400"}})
	r.Add("errors", get, nil)
	require.Equal(t, "5 requests, 1 answered in the same way, 4 differently", r.Summary())
	text := r.Markdown("")
	require.Contains(t, text, "| get | `.items[].a` | 1 | 2 | pods, nodes, secrets |", "what kinds have in common is told once")
	require.Contains(t, text, "## errors\n\n**get** `GET /x`\n\n| | kube-apiserver | Coracle |\n|---|---|---|\n| `code` | 404 | 400 |")
	require.NotContains(t, text, "## kind v1 pods")
}

// In which order mistakes are found does not count, and neither does that of rules.
func TestCompare_Order(t *testing.T) {
	status := func(message string, fields ...string) any {
		var causes []any
		for _, f := range fields {
			causes = append(causes, map[string]any{"field": f, "message": "Required value"})
		}
		return map[string]any{"kind": "Status", "message": message, "details": map[string]any{"causes": causes}}
	}
	one := ask(t, status("it is invalid: [a: Required value, b: Required value]", "a", "b"))
	other := ask(t, status("it is invalid: [b: Required value, a: Required value]", "b", "a"))
	require.Empty(t, differ.Compare(one, other))
	wrong := ask(t, status("it is invalid: [c: Required value, a: Required value]", "b", "a"))
	require.Len(t, differ.Compare(one, wrong), 1)

	rules := func(verbs ...any) any { return map[string]any{"nonResourceRules": verbs} }
	require.Empty(t, differ.Compare(ask(t, rules("get", "list")), ask(t, rules("list", "get"))))
}
