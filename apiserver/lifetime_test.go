package apiserver_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/pki"
)

// TestServe_stopsAtOnce does not wait for connections that carry no request: neither
// for one of HTTP/2 that was used, nor for one that was never.
func TestServe_stopsAtOnce(t *testing.T) {
	t.Parallel()
	authority, err := pki.New()
	require.NoError(t, err)
	config, err := authority.ServerTLS("server", "127.0.0.1")
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			cancel() // it is told to stop while this request is under way
			time.Sleep(100 * time.Millisecond)
		}
		_, _ = io.WriteString(w, r.Proto)
	})
	go func() { ended <- apiserver.Serve(ctx, listener, config, handler, slog.New(slog.DiscardHandler)) }()

	trust := &tls.Config{RootCAs: authority.Roots(), NextProtos: []string{"h2"}}
	unused, err := tls.Dial("tcp", listener.Addr().String(), trust)
	require.NoError(t, err)
	defer unused.Close()
	require.NoError(t, unused.Handshake())
	get := func(path string) string {
		client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: authority.Roots()}}}
		resp, err := client.Get("https://" + listener.Addr().String() + path)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(text)
	}
	require.Equal(t, "HTTP/2.0", get("/"), "this connection is kept")
	began := time.Now()
	require.Equal(t, "HTTP/2.0", get("/slow"), "a request under way is finished")
	require.NoError(t, <-ended)
	require.Less(t, time.Since(began), 900*time.Millisecond)
}

// TestServer_ShutdownDelay says that it is not ready, and goes on serving.
func TestServer_ShutdownDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, err := apiserver.New(apiserver.Config{
			Storage:        apiserver.NewStorage(startStore(t), kinds.Registry(), nil),
			Authenticators: []apiserver.Authenticator{admin{}}, Authorizer: allowAll, ShutdownDelay: 10 * time.Second,
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- server.Run(ctx) }()
		f := &fixture{Server: server, t: t}
		<-server.Ready()
		f.configMap("a")
		began := time.Now()
		cancel()
		time.Sleep(5 * time.Second)
		require.Equal(t, 500, f.request("GET", "/readyz", "").Code)
		require.Contains(t, f.request("GET", "/readyz", "").Body.String(), "[-]shutdown failed: reason withheld")
		require.Equal(t, 200, f.request("GET", "/livez", "").Code)
		f.ok("GET", configMaps, "")
		require.NoError(t, <-ended)
		require.Equal(t, 10*time.Second, time.Since(began))
		stopped := f.request("GET", configMaps, "")
		require.Equal(t, 503, stopped.Code)
		require.Equal(t, "1", stopped.Header().Get("Retry-After"), "another server may be there by then")
	})
}

// TestServer_timeout ends a request when its client wants it to end.
func TestServer_timeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, func(c *apiserver.Config) {
			c.Hooks = []apiserver.Hook{apiserver.ValidateFunc(func(ctx context.Context, _ *apiserver.Admission) error {
				<-ctx.Done()
				return ctx.Err()
			})}
		})
		for asked, want := range map[string]time.Duration{"?timeout=5s": 5 * time.Second, "?timeout=2h": time.Minute, "?timeout=0s": time.Minute, "": time.Minute} {
			began := time.Now()
			w := f.request("POST", configMaps+asked, `{"metadata":{"name":"a"}}`)
			require.Equal(t, want, time.Since(began), asked)
			require.GreaterOrEqual(t, w.Code, 400)
		}
		status := f.refused(400, "POST", configMaps+"?timeout=soon", `{"metadata":{"name":"a"}}`)
		require.Contains(t, status.text("message"), "invalid timeout specified in the request URL")
	})
}
