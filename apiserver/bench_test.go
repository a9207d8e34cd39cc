package apiserver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coracle-k8s/coracle/api"
)

const podBody = `{"metadata":{"name":"p%d","labels":{"app":"web"}},"spec":{"nodeName":"n%d","containers":[{"name":"c","image":"nginx","ports":[{"containerPort":80}]}]}}`

const pods = "/api/v1/namespaces/default/pods"

// call sends a request and fails the benchmark unless it succeeds.
func (f *fixture) call(b *testing.B, method, path, body, accept string) {
	r := httptest.NewRequestWithContext(b.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code >= 300 {
		b.Fatal(w.Code, w.Body)
	}
}

func BenchmarkCreate(b *testing.B) {
	f := start(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f.call(b, "POST", pods, fmt.Sprintf(podBody, i, i), api.JSON)
	}
}

func BenchmarkGet(b *testing.B) {
	f := start(b)
	f.call(b, "POST", pods, fmt.Sprintf(podBody, 1, 1), api.JSON)
	for _, mediaType := range []string{api.JSON, api.Protobuf} {
		b.Run(mediaType[len("application/"):], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.call(b, "GET", pods+"/p1", "", mediaType)
			}
		})
	}
}

func BenchmarkList1000(b *testing.B) {
	f := start(b)
	for i := range 1000 {
		f.call(b, "POST", pods, fmt.Sprintf(podBody, i, i%10), api.JSON)
	}
	for name, query := range map[string]string{"all": "", "label": "?labelSelector=app%3Ddb", "page": "?limit=50"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.call(b, "GET", pods+query, "", api.Protobuf)
			}
		})
	}
}

// counter is a client that counts the events of its watch.
type counter struct {
	header http.Header
	events atomic.Int64
	seen   chan struct{}
}

func (c *counter) Header() http.Header { return c.header }
func (c *counter) WriteHeader(int)     {}
func (c *counter) Flush()              {}
func (c *counter) Write(data []byte) (int, error) {
	c.events.Add(1)
	c.seen <- struct{}{}
	return len(data), nil
}

// BenchmarkWatchFanOut is one change seen by 1,000 watchers.
func BenchmarkWatchFanOut(b *testing.B) {
	f := start(b)
	f.call(b, "POST", pods, fmt.Sprintf(podBody, 1, 1), api.JSON)
	const watchers = 1000
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	seen := make(chan struct{}, watchers)
	for range watchers {
		running.Go(func() {
			r := httptest.NewRequestWithContext(ctx, "GET", pods+"?watch=true", nil)
			r.Header.Set("Accept", api.Protobuf)
			f.ServeHTTP(&counter{header: http.Header{}, seen: seen}, r)
		})
	}
	for range watchers {
		<-seen // the state that each begins with
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := httptest.NewRequestWithContext(ctx, "PATCH", pods+"/p1", strings.NewReader(fmt.Sprintf(`{"metadata":{"labels":{"n":"%d"}}}`, i)))
		r.Header.Set("Content-Type", "application/merge-patch+json")
		f.ServeHTTP(httptest.NewRecorder(), r)
		for range watchers {
			<-seen
		}
	}
	b.StopTimer()
	cancel()
	running.Wait()
}

// BenchmarkStatus is what a kubelet does: it patches the status of a pod.
func BenchmarkStatus(b *testing.B) {
	f := start(b)
	f.call(b, "POST", pods, fmt.Sprintf(podBody, 1, 1), api.JSON)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f.patch(b, pods+"/p1/status", fmt.Sprintf(`{"status":{"phase":"Running","podIP":"10.0.0.%d",`+
			`"conditions":[{"type":"Ready","status":"True"},{"type":"Initialized","status":"True"}]}}`, i%250))
	}
}

// patch sends a strategic merge patch and fails the benchmark unless it succeeds.
func (f *fixture) patch(b *testing.B, path, body string) {
	r := httptest.NewRequestWithContext(b.Context(), "PATCH", path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/strategic-merge-patch+json")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code >= 300 {
		b.Fatal(w.Code, w.Body)
	}
}
