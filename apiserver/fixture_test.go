package apiserver_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// admin is an authenticator for which everybody is the same user, whom the
// header X-User can name.
type admin struct{}

func (admin) Authenticate(r *http.Request) (*apiserver.User, error) {
	if name := r.Header.Get("X-User"); name != "" {
		return &apiserver.User{Name: name}, nil
	}
	return &apiserver.User{Name: "admin"}, nil
}

// authorizerFunc is an authorizer that is a function.
type authorizerFunc func(*apiserver.Attributes) apiserver.Decision

func (f authorizerFunc) Authorize(_ context.Context, a *apiserver.Attributes) (apiserver.Decision, string, error) {
	return f(a), "", nil
}

var allowAll = authorizerFunc(func(*apiserver.Attributes) apiserver.Decision { return apiserver.Allow })

// A fixture is a running server over a store in memory.
type fixture struct {
	*apiserver.Server
	store store.Store
	stop  func() // ends Run and waits
	t     testing.TB
}

// start runs a server until the test ends. It works in a synctest bubble.
func start(t testing.TB, options ...func(*apiserver.Config)) *fixture {
	t.Helper()
	return startOver(t, startStore(t), options...)
}

// startStore returns a store that is closed when the test ends.
func startStore(t testing.TB) store.Store {
	st := memstore.New()
	t.Cleanup(func() { st.Close() })
	return st
}

func startOver(t testing.TB, st store.Store, options ...func(*apiserver.Config)) *fixture {
	t.Helper()
	cfg := apiserver.Config{
		Storage:        apiserver.NewStorage(st, kinds.Registry(), nil),
		Authenticators: []apiserver.Authenticator{admin{}},
		Authorizer:     allowAll,
	}
	for _, option := range options {
		option(&cfg)
	}
	server, err := apiserver.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Run(ctx); err != nil {
			t.Error("the server stopped:", err)
		}
	})
	stop := func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(func() {
		require.NoError(t, cfg.Storage.CheckCache(context.WithoutCancel(t.Context())))
		stop()
	})
	<-server.Ready()
	return &fixture{Server: server, store: st, stop: stop, t: t}
}

// request sends one request, with headers as "Name: value", and returns the
// whole answer.
func (f *fixture) request(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(f.t.Context(), method, path, strings.NewReader(body))
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	if patch := r.Header.Get("Content-Type"); patch == "" && method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/merge-patch+json")
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// ok sends a request that must succeed and returns the answer's fields.
func (f *fixture) ok(method, path, body string, headers ...string) fields {
	f.t.Helper()
	w := f.request(method, path, body, headers...)
	require.Less(f.t, w.Code, 300, "%s %s: %s", method, path, w.Body)
	return parse(f.t, w.Body.Bytes())
}

// refused sends a request that must fail with a code and returns the status.
func (f *fixture) refused(code int, method, path, body string, headers ...string) fields {
	f.t.Helper()
	w := f.request(method, path, body, headers...)
	require.Equal(f.t, code, w.Code, "%s %s: %s", method, path, w.Body)
	status := parse(f.t, w.Body.Bytes())
	require.Equal(f.t, "Status", status.text("kind"))
	require.Equal(f.t, "Failure", status.text("status"))
	return status
}

// configMap creates a config map in namespace default.
func (f *fixture) configMap(name string, labels ...string) fields {
	f.t.Helper()
	set, err := json.Marshal(pairs(labels))
	require.NoError(f.t, err)
	return f.ok("POST", configMaps, `{"metadata":{"name":"`+name+`","labels":`+string(set)+`}}`)
}

const configMaps = "/api/v1/namespaces/default/configmaps"

func pairs(labels []string) map[string]string {
	set := map[string]string{}
	for _, label := range labels {
		name, value, _ := strings.Cut(label, "=")
		set[name] = value
	}
	return set
}

// fields is a JSON object.
type fields map[string]any

func parse(t testing.TB, data []byte) fields {
	t.Helper()
	var parsed fields
	require.NoError(t, json.Unmarshal(data, &parsed), "%s", data)
	return parsed
}

// at returns the value at a path such as metadata.name, or nil.
func (f fields) at(path string) any {
	var value any = map[string]any(f)
	for part := range strings.SplitSeq(path, ".") {
		inner, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = inner[part]
	}
	return value
}

func (f fields) text(path string) string {
	text, _ := f.at(path).(string)
	return text
}

// names returns the names of a list's items.
func (f fields) names() []string {
	names := []string{}
	items, _ := f.at("items").([]any)
	for _, item := range items {
		names = append(names, fields(item.(map[string]any)).text("metadata.name"))
	}
	return names
}

func (f fields) revision() string { return f.text("metadata.resourceVersion") }

// A watching is the client's end of a watch.
type watching struct {
	t      testing.TB
	cancel context.CancelFunc
	done   chan struct{}
	body   *io.PipeReader
	events *json.Decoder
	header http.Header
}

// watch begins a watch. It ends with the test, if not before.
func (f *fixture) watch(path string, headers ...string) *watching {
	ctx, cancel := context.WithCancel(context.Background())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	from, to := io.Pipe()
	w := &watching{t: f.t, cancel: cancel, done: make(chan struct{}), body: from, header: http.Header{}}
	w.events = json.NewDecoder(from)
	go func() {
		defer close(w.done)
		f.ServeHTTP(&pipeWriter{header: w.header, to: to}, r)
		to.Close()
	}()
	f.t.Cleanup(w.close)
	return w
}

// close goes away, as a client does.
func (w *watching) close() {
	w.cancel()
	w.body.Close()
	<-w.done
}

// next returns the next event, or false at the end of the stream.
func (w *watching) next() (fields, bool) {
	w.t.Helper()
	var event fields
	switch err := w.events.Decode(&event); err {
	case nil:
		return event, true
	case io.EOF, io.ErrUnexpectedEOF:
		return nil, false
	default:
		require.NoError(w.t, err)
		return nil, false
	}
}

// expect reads the next event and compares its summary: "ADDED name".
func (w *watching) expect(want string) fields {
	w.t.Helper()
	event, ok := w.next()
	require.True(w.t, ok, "the watch ended before %q", want)
	got := event.text("type") + " " + fields(event["object"].(map[string]any)).text("metadata.name")
	require.Equal(w.t, want, strings.TrimSpace(got))
	return event["object"].(map[string]any)
}

// pipeWriter is a ResponseWriter that writes to a pipe, as fast as its reader.
type pipeWriter struct {
	header http.Header
	to     io.Writer
}

func (w *pipeWriter) Header() http.Header            { return w.header }
func (w *pipeWriter) WriteHeader(int)                {}
func (w *pipeWriter) Flush()                         {}
func (w *pipeWriter) Write(data []byte) (int, error) { return w.to.Write(data) }

func parseJSON(data []byte) fields {
	var parsed fields
	if err := json.Unmarshal(data, &parsed); err != nil {
		return fields{"message": err.Error()}
	}
	return parsed
}

func labelsOf(object fields) any { return object.at("metadata.labels") }
