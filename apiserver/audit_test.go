package apiserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// A recorder is an auditor that keeps the events in memory.
type recorder struct {
	rule apiserver.AuditRule
	err  error

	mu     sync.Mutex // guards events
	events []*auditv1.Event
}

func (r *recorder) Rule(*apiserver.Attributes) apiserver.AuditRule { return r.rule }

func (r *recorder) Record(e *auditv1.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	return r.err
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events)
}

// take returns the events there have been since the last time.
func (r *recorder) take() []*auditv1.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// last is the last of them.
func (r *recorder) last(t testing.TB) fields {
	t.Helper()
	events := r.take()
	require.NotEmpty(t, events)
	data, err := json.Marshal(events[len(events)-1])
	require.NoError(t, err)
	return parse(t, data)
}

func audited(r *recorder) func(*apiserver.Config) {
	return func(cfg *apiserver.Config) { cfg.Auditor = r }
}

func stages(events []*auditv1.Event) string {
	var names []string
	for _, e := range events {
		names = append(names, string(e.Stage))
	}
	return strings.Join(names, " ")
}

func at(level auditv1.Level) *recorder { return &recorder{rule: apiserver.AuditRule{Level: level}} }

// TestAudit_levels is what each level tells of a write.
func TestAudit_levels(t *testing.T) {
	const secrets, body = "/api/v1/namespaces/default/secrets", `{"metadata":{"name":"db"},"data":{"password":"aHVudGVyMg=="}}`
	for _, level := range []auditv1.Level{auditv1.LevelNone, auditv1.LevelMetadata, auditv1.LevelRequest, auditv1.LevelRequestResponse} {
		t.Run(string(level), func(t *testing.T) {
			r := at(level)
			f := start(t, audited(r))
			w := f.request("POST", secrets, body, "Audit-ID: mine", "User-Agent: test/1")
			require.Equal(t, http.StatusCreated, w.Code)
			require.Equal(t, "mine", w.Header().Get("Audit-ID"))
			if level == auditv1.LevelNone {
				require.Empty(t, r.take())
				return
			}
			event := r.last(t)
			require.Equal(t, "ResponseComplete", event.text("stage"))
			require.Equal(t, "mine", event.text("auditID"))
			require.Equal(t, secrets, event.text("requestURI"))
			require.Equal(t, "create", event.text("verb"))
			require.Equal(t, "admin", event.text("user.username"))
			require.Equal(t, "test/1", event.text("userAgent"))
			require.Equal(t, map[string]any{"resource": "secrets", "namespace": "default", "name": "db", "apiVersion": "v1"}, event.at("objectRef"))
			require.EqualValues(t, 201, event.at("responseStatus.code"))
			require.Equal(t, "allow", event.at("annotations").(map[string]any)["authorization.k8s.io/decision"])

			whole, err := json.Marshal(event)
			require.NoError(t, err)
			if level == auditv1.LevelMetadata {
				require.NotContains(t, string(whole), "aHVudGVyMg==", "a secret is not told at this level")
			}
			if level != auditv1.LevelMetadata {
				require.Equal(t, "aHVudGVyMg==", event.text("requestObject.data.password"))
				require.Equal(t, "Secret", event.text("requestObject.kind"))
			}
			if level == auditv1.LevelRequestResponse {
				require.NotEmpty(t, event.text("responseObject.metadata.uid"))
			} else {
				require.Nil(t, event.at("responseObject"))
			}
		})
	}
}

// TestAudit_metadataHasNoSecret goes through all ways in which the value of a
// secret may come and go.
func TestAudit_metadataHasNoSecret(t *testing.T) {
	const secret, value = "/api/v1/namespaces/default/secrets/db", "aHVudGVyMg=="
	r := at(auditv1.LevelMetadata)
	f := start(t, audited(r))
	f.ok("POST", "/api/v1/namespaces/default/secrets", `{"metadata":{"name":"db"},"data":{"password":"`+value+`"}}`)
	f.ok("GET", secret, "")
	f.ok("GET", "/api/v1/secrets", "")
	f.ok("PUT", secret, `{"metadata":{"name":"db"},"data":{"password":"`+value+`","more":"`+value+`"}}`)
	f.ok("PATCH", secret, `{"data":{"third":"`+value+`"}}`)
	f.ok("PATCH", secret+"?fieldManager=me&force=true", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db"},"data":{"password":"`+value+`"}}`,
		"Content-Type: application/apply-patch+yaml")
	f.request("PATCH", secret, `{"data":{"bad":{"of":"`+value+`"}}}`)
	f.request("PUT", secret, `{"metadata":{"name":"other"},"data":{"password":"`+value+`"}}`)
	f.ok("DELETE", secret, "")
	data, err := json.Marshal(r.take())
	require.NoError(t, err)
	require.NotContains(t, string(data), value)
	require.NotContains(t, string(data), "hunter2")
}

// TestAudit_stages is which stages there are, and in which order.
func TestAudit_stages(t *testing.T) {
	r := at(auditv1.LevelRequestResponse)
	f := start(t, audited(r), func(cfg *apiserver.Config) {
		cfg.Authorizer = authorizerFunc(func(a *apiserver.Attributes) apiserver.Decision {
			switch {
			case a.User.Name == "eve":
				return apiserver.NoOpinion
			case a.Name == "panic":
				panic("of the test")
			}
			return apiserver.Allow
		})
	})
	for _, c := range []struct {
		method, path, user string
		stages, verb       string
		code               int
		message            string
	}{
		{"GET", configMaps + "/none", "", "RequestReceived ResponseComplete", "get", 404, `configmaps "none" not found`},
		{"GET", configMaps, "eve", "RequestReceived ResponseComplete", "list", 403,
			`configmaps is forbidden: User "eve" cannot list resource "configmaps" in API group "" in the namespace "default"`},
		{"GET", configMaps + "/panic", "", "RequestReceived Panic", "get", 500, "APIServer panic'd: of the test"},
		{"GET", configMaps + "?timeout=soon", "", "ResponseStarted", "list", 400,
			`invalid timeout specified in the request URL - time: invalid duration "soon"`},
		{"GET", "/healthz", "", "RequestReceived ResponseComplete", "get", 200, ""},
		{"POST", configMaps + "?dryRun=All", "", "RequestReceived ResponseComplete", "create", 400, "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"},
	} {
		f.request(c.method, c.path, "", "X-User: "+c.user)
		events := r.take()
		require.Equal(t, c.stages, stages(events), c.path)
		last := events[len(events)-1]
		require.Equal(t, c.verb, last.Verb, c.path)
		require.EqualValues(t, c.code, last.ResponseStatus.Code, c.path)
		require.Equal(t, c.message, last.ResponseStatus.Message, c.path)
	}
}

// TestAudit_nobody is a request whose sender nobody knows.
func TestAudit_nobody(t *testing.T) {
	r := at(auditv1.LevelMetadata)
	f := start(t, audited(r), func(cfg *apiserver.Config) { cfg.Authenticators = nil })
	w := f.request("GET", configMaps, "", "Authorization: Bearer nonsense")
	require.Equal(t, http.StatusUnauthorized, w.Code)
	events := r.take()
	require.Equal(t, "ResponseStarted", stages(events))
	require.Empty(t, events[0].User.Username)
	require.EqualValues(t, 401, events[0].ResponseStatus.Code)
	require.NotEmpty(t, w.Header().Get("Audit-ID"))
}

// TestAudit_watch tells when a stream begins and when it ends.
func TestAudit_watch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := at(auditv1.LevelRequestResponse)
		f := start(t, audited(r))
		w := f.watch(configMaps + "?watch=true")
		synctest.Wait()
		events := r.take()
		require.Equal(t, "RequestReceived ResponseStarted", stages(events))
		require.EqualValues(t, 200, events[1].ResponseStatus.Code)
		time.Sleep(time.Second)
		w.close()
		events = r.take()
		require.Equal(t, "ResponseComplete", stages(events))
		require.Equal(t, time.Second, events[0].StageTimestamp.Sub(events[0].RequestReceivedTimestamp.Time))
		require.Nil(t, events[0].ResponseObject)
	})
}

// TestAudit_timeout is a request that a hook holds up for too long.
func TestAudit_timeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := at(auditv1.LevelMetadata)
		f := start(t, audited(r), func(cfg *apiserver.Config) {
			cfg.Hooks = []apiserver.Hook{apiserver.MutateFunc(func(ctx context.Context, a *apiserver.Admission) error {
				a.Annotate("test/hook", "was here")
				<-ctx.Done()
				return ctx.Err()
			})}
			cfg.RequestTimeout = 5 * time.Second
		})
		f.request("POST", configMaps, `{"metadata":{"name":"a"}}`)
		events := r.take()
		require.Equal(t, "RequestReceived ResponseComplete", stages(events))
		require.Equal(t, 5*time.Second, events[1].StageTimestamp.Sub(events[1].RequestReceivedTimestamp.Time))
		require.GreaterOrEqual(t, events[1].ResponseStatus.Code, int32(403))
		require.Equal(t, "was here", events[1].Annotations["test/hook"])
		require.NotContains(t, events[0].Annotations, "test/hook", "an event is not changed once it is told")
	})
}

// TestAudit_impersonation names both who sent it and as whom.
func TestAudit_impersonation(t *testing.T) {
	r := at(auditv1.LevelMetadata)
	f := start(t, audited(r))
	f.ok("GET", configMaps, "", "Impersonate-User: bob")
	event := r.last(t)
	require.Equal(t, "admin", event.text("user.username"))
	require.Equal(t, "bob", event.text("impersonatedUser.username"))
	require.Equal(t, "impersonate:user-info", event.text("authenticationMetadata.impersonationConstraint"))
}

// TestAudit_omits what a rule leaves out.
func TestAudit_omits(t *testing.T) {
	r := at(auditv1.LevelRequestResponse)
	r.rule.OmitStages = []auditv1.Stage{auditv1.StageRequestReceived}
	r.rule.OmitManagedFields = true
	f := start(t, audited(r))
	f.configMap("a")
	f.ok("GET", configMaps, "")
	events := r.take()
	require.Equal(t, "ResponseComplete ResponseComplete", stages(events))
	for _, e := range events {
		require.NotContains(t, string(e.ResponseObject.Raw), "managedFields")
	}
	require.Contains(t, string(events[1].ResponseObject.Raw), `"items"`)
}

// TestAudit_formats tells of objects as JSON, in whatever form they came and went.
func TestAudit_formats(t *testing.T) {
	r := at(auditv1.LevelRequestResponse)
	f := start(t, audited(r))
	f.configMap("a")
	w := f.request("GET", configMaps+"/a", "", "Accept: application/vnd.kubernetes.protobuf")
	require.Equal(t, "application/vnd.kubernetes.protobuf", w.Header().Get("Content-Type"))
	require.Equal(t, "ConfigMap", r.last(t).text("responseObject.kind"))
	f.ok("PATCH", configMaps+"/a?fieldManager=me", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: why}\n",
		"Content-Type: application/apply-patch+yaml")
	require.Equal(t, "why", r.last(t).text("requestObject.data.x"))
	f.configMap("big")
	f.ok("PATCH", configMaps+"/big", `{"data":{"x":"`+strings.Repeat("long ", 100_000)+`"}}`)
	w = f.request("GET", configMaps+"/big", "", "Accept-Encoding: gzip")
	require.Equal(t, "gzip", w.Header().Get("Content-Encoding"))
	require.Equal(t, "big", r.last(t).text("responseObject.metadata.name"))
	f.ok("DELETE", configMaps+"/a", `{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"}`)
	event := r.last(t)
	require.Equal(t, "Background", event.text("requestObject.propagationPolicy"))
	require.Equal(t, "Success", event.text("responseStatus.status"))
}

// TestAudit_full refuses what cannot be recorded.
func TestAudit_full(t *testing.T) {
	r := at(auditv1.LevelMetadata)
	r.err = errors.New("no room")
	f := start(t, audited(r))
	status := f.refused(500, "POST", configMaps, `{"metadata":{"name":"a"}}`)
	require.Contains(t, status.text("message"), "failed to store audit event")
	r.err = nil
	f.refused(404, "GET", configMaps+"/a", "")
}

// TestAudit_passedOn tells of a request that another server answers, and gives it
// the id.
func TestAudit_passedOn(t *testing.T) {
	r := at(auditv1.LevelRequestResponse)
	var heard string
	f := start(t, audited(r), func(cfg *apiserver.Config) {
		cfg.Groups = []apiserver.Group{{
			GroupVersion: schema.GroupVersion{Group: "example.com", Version: "v1"},
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				heard = r.Header.Get("Audit-ID")
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"kind":"Thing","apiVersion":"example.com/v1"}`))
			}),
		}}
	})
	f.ok("POST", "/apis/example.com/v1/things", `{"kind":"Thing","apiVersion":"example.com/v1"}`)
	event := r.last(t)
	require.Equal(t, event.text("auditID"), heard)
	require.Equal(t, map[string]any{"resource": "things", "apiGroup": "example.com", "apiVersion": "v1"}, event.at("objectRef"))
	require.Nil(t, event.at("requestObject"), "what passes through is that server's to tell")
	require.Nil(t, event.at("responseObject"))
}

// TestAudit_exec tells when a connection is taken over.
func TestAudit_exec(t *testing.T) {
	r := at(auditv1.LevelRequestResponse)
	ran := make(chan struct{})
	f := start(t, audited(r), func(cfg *apiserver.Config) {
		cfg.Connectors = map[string]apiserver.Connector{"pods/exec": connectorFunc(
			func(w http.ResponseWriter, _ *http.Request, _ *apiserver.Connection) error {
				defer close(ran)
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					return err
				}
				return conn.Close()
			})}
	})
	server := httptest.NewServer(f)
	_, err := http.Post(server.URL+"/api/v1/namespaces/default/pods/p/exec?command=ls", "", nil)
	require.Error(t, err, "the connection is closed")
	<-ran
	require.Eventually(t, func() bool { return r.count() == 3 }, time.Minute, time.Millisecond)
	server.Close()
	events := r.take()
	require.Equal(t, "RequestReceived ResponseStarted ResponseComplete", stages(events))
	require.EqualValues(t, 101, events[2].ResponseStatus.Code)
	require.Equal(t, "create", events[0].Verb)
	require.Equal(t, "exec", events[0].ObjectRef.Subresource)
}

// TestAudit_action tells what an action was sent, which its own code reads.
func TestAudit_action(t *testing.T) {
	r := at(auditv1.LevelRequestResponse)
	f := start(t, audited(r), func(cfg *apiserver.Config) {
		cfg.Connectors = map[string]apiserver.Connector{"pods/binding": connectorFunc(
			func(w http.ResponseWriter, r *http.Request, _ *apiserver.Connection) error {
				_, err := io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Success"}`)
				return err
			})}
	})
	f.ok("POST", "/api/v1/namespaces/default/pods/p/binding", `{"kind":"Binding","apiVersion":"v1","target":{"name":"n"}}`)
	event := r.last(t)
	require.Equal(t, "n", event.text("requestObject.target.name"))
	require.Equal(t, "Success", event.text("responseObject.status"))
}
