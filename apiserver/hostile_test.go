package apiserver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/apiserver"
)

// serveTCP serves the fixture on loopback and counts the requests under way.
func (f *fixture) serveTCP(t *testing.T) (address string, underWay *atomic.Int64) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	underWay = &atomic.Int64{}
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		underWay.Add(1)
		defer underWay.Add(-1)
		f.ServeHTTP(w, r)
	})
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := apiserver.Serve(ctx, listener, nil, counted, f.Logger); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		f.stop() // ends the watches, for which a shutdown would wait
		cancel()
		serving.Wait()
	})
	return listener.Addr().String(), underWay
}

// A client that watches and takes nothing is rid of once its queue is full, although
// the write to it would block for ever.
func TestHostile_watcher_that_does_not_read(t *testing.T) {
	if testing.Short() {
		t.Skip("fills the buffers of a connection")
	}
	f := start(t)
	f.configMap("a")
	address, underWay := f.serveTCP(t)
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	fmt.Fprintf(conn, "GET %s?watch=true HTTP/1.1\r\nHost: x\r\n\r\n", configMaps)
	require.Eventually(t, func() bool { return underWay.Load() == 1 }, 5*time.Second, time.Millisecond)

	padding := strings.Repeat("x", 8<<10)
	for i := 0; underWay.Load() > 0; i++ {
		require.Less(t, i, 20_000, "the watch goes on although nobody reads it")
		f.ok("PUT", configMaps+"/a", fmt.Sprintf(`{"metadata":{"name":"a"},"data":{"i":"%d","padding":%q}}`, i, padding))
	}
}

// A client that sends its body slower than a request may take gets no further.
func TestHostile_body_that_does_not_end(t *testing.T) {
	f := start(t, func(c *apiserver.Config) { c.RequestTimeout = 200 * time.Millisecond })
	address, underWay := f.serveTCP(t)
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", configMaps)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.GreaterOrEqual(t, response.StatusCode, 400)
	require.Eventually(t, func() bool { return underWay.Load() == 0 }, 5*time.Second, time.Millisecond)
}

// Connections on which nothing more comes, at whatever point, are closed, and leave
// nothing behind.
func TestHostile_half_open_connections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		listener := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		var serving sync.WaitGroup
		serving.Go(func() {
			if err := apiserver.Serve(ctx, listener, nil, f, f.Logger); err != nil {
				t.Error(err)
			}
		})
		var clients sync.WaitGroup
		for _, begun := range []string{
			"",
			"GET /api HTT",
			"GET /api HTTP/1.1\r\nHost: x\r\nAccept: app",
			"POST " + configMaps + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
			"POST " + configMaps + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
			"GET " + configMaps + "?watch=true&timeoutSeconds=60 HTTP/1.1\r\nHost: x\r\n\r\n",
		} {
			for range 50 {
				conn := listener.dial()
				clients.Go(func() {
					defer conn.Close()
					began := time.Now()
					if _, err := io.WriteString(conn, begun); err != nil {
						t.Error(err)
					}
					_, _ = io.Copy(io.Discard, conn)
					if waited := time.Since(began); waited > 4*time.Minute {
						t.Errorf("%q is waited for: %s", begun, waited)
					}
				})
			}
		}
		clients.Wait()
		cancel()
		serving.Wait() // and the bubble ends when no goroutine of theirs is left
	})
}

// A pipeListener is one in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// An idle watch costs its goroutine and little more.
func TestHostile_idle_watches_are_cheap(t *testing.T) {
	const watches, most = 2000, 64 << 10 // bytes for each
	f := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	opened := make(chan struct{}, watches)
	for range watches {
		all.Go(func() {
			r, err := http.NewRequestWithContext(ctx, "GET", configMaps+"?watch=true&resourceVersion=1", nil)
			if err != nil {
				t.Error(err)
				return
			}
			f.ServeHTTP(&idleClient{header: http.Header{}, opened: opened}, r)
		})
	}
	for range watches {
		<-opened
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	cancel()
	all.Wait()
	used := int64(after.Sys+after.StackInuse) - int64(before.Sys+before.StackInuse)
	require.Less(t, used/watches, int64(most), "bytes for each watch")
}

// An idleClient is told that its watch is open, and nothing else happens.
type idleClient struct {
	header http.Header
	opened chan<- struct{}
}

func (c *idleClient) Header() http.Header               { return c.header }
func (c *idleClient) WriteHeader(int)                   { c.opened <- struct{}{} }
func (c *idleClient) Write(data []byte) (int, error)    { return len(data), nil }
func (c *idleClient) Flush()                            {}
func (c *idleClient) SetWriteDeadline(time.Time) error  { return nil }
func (c *idleClient) SetReadDeadline(t time.Time) error { return nil }

// Bodies of any size or depth get an answer, and it is a refusal.
func TestHostile_bodies(t *testing.T) {
	f := start(t)
	for name, c := range map[string]struct {
		body, contentType string
		code              int
	}{
		"too large":        {`{"data":{"a":"` + strings.Repeat("x", apiserver.MaxBodyBytes) + `"}}`, "application/json", 413},
		"deep JSON":        {strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000), "application/json", 400},
		"deep lists":       {strings.Repeat(`[`, 100_000), "application/json", 400},
		"deep YAML":        {strings.Repeat("[", 20_000), "application/yaml", 400},
		"many aliases":     {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f]\n", "application/yaml", 400},
		"no UTF-8":         {"{\"metadata\":{\"name\":\"\xff\xfe\"}}", "application/json", 422},
		"protobuf of zero": {"k8s\x00", "application/vnd.kubernetes.protobuf", 400},
	} {
		w := f.request("POST", configMaps, c.body, "Content-Type: "+c.contentType)
		require.Equal(t, c.code, w.Code, "%s: %.300s", name, w.Body)
	}
}
