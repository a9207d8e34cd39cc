package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/coracle-k8s/coracle/kubelet/server"
	"github.com/coracle-k8s/coracle/runtime"
)

// A node has one pod, web in default, with one container, c.
type node struct{}

func (node) Pods() []*corev1.Pod { return nil }
func (node) Log(string, string, string, bool) (server.Log, error) {
	return server.Log{}, server.Errorf(http.StatusNotFound, "no log")
}
func (node) Container(namespace, pod string, uid types.UID, container string) (string, error) {
	if namespace+"/"+pod+"/"+container != "default/web/c" || uid != "" && uid != "u1" {
		return "", server.Errorf(http.StatusNotFound, "no such container")
	}
	return "id-c", nil
}
func (node) Sandbox(_, pod string, _ types.UID) (string, error) {
	if pod != "web" {
		return "", server.Errorf(http.StatusNotFound, "no such pod")
	}
	return "id-web", nil
}
func (node) Summary(context.Context) (*server.Summary, error) {
	return nil, errors.New("runtime is down")
}

// A streamer runs a few commands itself.
type streamer struct{ ended chan error }

func (s streamer) StreamExec(ctx context.Context, id string, cmd []string, tty bool, streams runtime.Streams) error {
	switch cmd[0] {
	case "cat":
		data, err := io.ReadAll(streams.Stdin)
		fmt.Fprintf(streams.Stdout, "%s says: %s", id, data)
		return err
	case "exit":
		fmt.Fprint(streams.Stderr, "no luck")
		return &runtime.ExitError{Code: 42}
	case "size":
		size := <-streams.Resize
		fmt.Fprintf(streams.Stdout, "%dx%d tty=%v", size.Width, size.Height, tty)
		return nil
	case "flood":
		for i := range 1000 {
			fmt.Fprintf(streams.Stdout, "%d\n", i)
		}
		return nil
	case "wait":
		<-ctx.Done()
		s.ended <- ctx.Err()
		return ctx.Err()
	}
	return fmt.Errorf("%s: not found", cmd[0])
}

func (s streamer) StreamAttach(ctx context.Context, id string, tty bool, streams runtime.Streams) error {
	return s.StreamExec(ctx, id, []string{"cat"}, tty, streams)
}

// StreamPortForward answers on each port with its number and what it got.
func (streamer) StreamPortForward(_ context.Context, sandbox string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	if port == 1 {
		return errors.New("connection refused")
	}
	buffer := make([]byte, 5)
	if _, err := io.ReadFull(stream, buffer); err != nil {
		return err
	}
	_, err := fmt.Fprintf(stream, "%s:%d got %s", sandbox, port, buffer)
	return err
}

func start(t *testing.T) (string, streamer) {
	t.Helper()
	s := streamer{ended: make(chan error, 1)}
	web := httptest.NewServer(server.New(server.Config{Node: node{}, Streamer: s}))
	t.Cleanup(web.Close)
	return web.URL, s
}

func dial(t *testing.T, base, path string, protocols ...string) (*websocket.Conn, error) {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: protocols}
	conn, resp, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(base, "http")+path, nil)
	if err != nil {
		if resp != nil {
			body, _ := io.ReadAll(resp.Body)
			err = fmt.Errorf("%d %s", resp.StatusCode, body)
		}
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return conn, nil
}

// gather reads all channels until the server closes.
func gather(t *testing.T, conn *websocket.Conn) map[byte]string {
	t.Helper()
	got := map[byte]string{}
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			require.True(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), "%v", err)
			return got
		}
		channel, data := message[0], string(message[1:])
		if kind == websocket.TextMessage {
			plain, err := base64.StdEncoding.DecodeString(data)
			require.NoError(t, err)
			channel, data = channel-'0', string(plain)
		}
		got[channel] += data
	}
}

func TestExec_WebSocket(t *testing.T) {
	base, _ := start(t)
	for _, protocol := range []string{"v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io", "v4.base64.channel.k8s.io", ""} {
		t.Run("exit code over "+protocol, func(t *testing.T) {
			var offered []string
			if protocol != "" {
				offered = []string{"other", protocol}
			}
			conn, err := dial(t, base, "/exec/default/web/c?command=exit&output=1&error=1", offered...)
			require.NoError(t, err)
			got := gather(t, conn)
			require.Equal(t, "no luck", got[2])
			if !strings.HasPrefix(protocol, "v") {
				require.Equal(t, "command terminated with non-zero exit code: command terminated with exit code 42", got[3])
				return
			}
			var status metav1.Status
			require.NoError(t, json.Unmarshal([]byte(got[3]), &status))
			require.Equal(t, metav1.StatusReason("NonZeroExitCode"), status.Reason)
			require.Equal(t, "42", status.Details.Causes[0].Message)
		})
	}
	t.Run("stdin ends by a close message", func(t *testing.T) {
		conn, err := dial(t, base, "/exec/default/web/u1/c?command=cat&stdin=true&stdout=true", "v5.channel.k8s.io")
		require.NoError(t, err)
		require.NoError(t, conn.WriteMessage(websocket.BinaryMessage, []byte("\x00hel")))
		require.NoError(t, conn.WriteMessage(websocket.BinaryMessage, []byte("\x00lo")))
		require.NoError(t, conn.WriteMessage(websocket.BinaryMessage, []byte{255, 0}))
		got := gather(t, conn)
		require.Equal(t, "id-c says: hello", got[1])
		require.JSONEq(t, `{"metadata":{},"status":"Success"}`, got[3])
	})
	t.Run("the size of the terminal", func(t *testing.T) {
		conn, err := dial(t, base, "/exec/default/web/c?command=size&output=1&tty=1", "v5.channel.k8s.io")
		require.NoError(t, err)
		require.NoError(t, conn.WriteMessage(websocket.BinaryMessage, []byte("\x04{\"Width\":80,\"Height\":24}")))
		require.Equal(t, "80x24 tty=true", gather(t, conn)[1])
	})
	t.Run("no output is lost at the end", func(t *testing.T) {
		conn, err := dial(t, base, "/exec/default/web/c?command=flood&output=1", "v5.channel.k8s.io")
		require.NoError(t, err)
		require.Equal(t, 1000, strings.Count(gather(t, conn)[1], "\n"))
	})
	t.Run("attach", func(t *testing.T) {
		conn, err := dial(t, base, "/attach/default/web/c?input=1&output=1", "v5.channel.k8s.io")
		require.NoError(t, err)
		require.NoError(t, conn.WriteMessage(websocket.BinaryMessage, []byte{255, 0}))
		require.Equal(t, "id-c says: ", gather(t, conn)[1])
	})
}

func TestExec_ends_the_command_when_the_client_goes(t *testing.T) {
	base, s := start(t)
	conn, err := dial(t, base, "/exec/default/web/c?command=wait&output=1", "v5.channel.k8s.io")
	require.NoError(t, err)
	conn.Close()
	require.ErrorIs(t, <-s.ended, context.Canceled)
}

func TestExec_refuses_what_is_wrong(t *testing.T) {
	base, _ := start(t)
	cases := map[string]string{
		"/exec/default/web/c?command=cat":               "400 you must specify at least 1 of stdin, stdout, stderr",
		"/exec/default/web/c?output=1":                  "400 you must specify a command",
		"/exec/default/other/c?command=cat&output=1":    "404 no such container",
		"/exec/default/web/u2/c?command=cat&output=1":   "404 no such container",
		"/exec/default/web/../../c?command=cat&output=": "307",
	}
	for path, want := range cases {
		_, err := dial(t, base, path, "v5.channel.k8s.io")
		require.ErrorContains(t, err, want, path)
	}
	_, err := dial(t, base, "/exec/default/web/c?command=cat&output=1", "v9.channel.k8s.io")
	require.ErrorContains(t, err, `400 none of the protocols ["v9.channel.k8s.io"] is supported`)
	resp, err := http.Post(base+"/exec/default/web/c?command=cat&output=1", "", nil)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusBadRequest, resp.StatusCode, "without an upgrade")
}

// spdyConn upgrades a request to SPDY, as older clients do.
func spdyConn(t *testing.T, base, path string, protocols ...string) httpstream.Connection {
	t.Helper()
	u, err := url.Parse(base)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", u.Host)
	require.NoError(t, err)
	req, err := http.NewRequest(http.MethodPost, base+path, nil)
	require.NoError(t, err)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "SPDY/3.1")
	for _, p := range protocols {
		req.Header.Add("X-Stream-Protocol-Version", p)
	}
	require.NoError(t, req.Write(conn))
	var head bytes.Buffer
	for one := make([]byte, 1); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
		_, err := conn.Read(one)
		require.NoError(t, err)
		head.Write(one)
	}
	require.Contains(t, head.String(), "101 Switching Protocols")
	spdyConn, err := spdy.NewClientConnection(conn)
	require.NoError(t, err)
	t.Cleanup(func() { spdyConn.Close() })
	return spdyConn
}

func openStream(t *testing.T, conn httpstream.Connection, headers ...string) httpstream.Stream {
	t.Helper()
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	stream, err := conn.CreateStream(h)
	require.NoError(t, err)
	return stream
}

func TestExec_SPDY(t *testing.T) {
	base, _ := start(t)
	conn := spdyConn(t, base, "/exec/default/web/c?command=exit&output=1&error=1", "v4.channel.k8s.io")
	failure := openStream(t, conn, "streamType", "error")
	openStream(t, conn, "streamType", "stdout")
	stderr := openStream(t, conn, "streamType", "stderr")
	data, err := io.ReadAll(failure)
	require.NoError(t, err)
	require.Contains(t, string(data), `"NonZeroExitCode"`)
	require.Contains(t, string(data), `"message":"42"`)
	data, _ = io.ReadAll(stderr)
	require.Equal(t, "no luck", string(data))
}

// forward sends hello to a port and returns the answer and the error.
func forward(t *testing.T, conn httpstream.Connection, port, id string) (string, string) {
	t.Helper()
	failure := openStream(t, conn, "streamType", "error", "port", port, "requestID", id)
	failure.Close()
	data := openStream(t, conn, "streamType", "data", "port", port, "requestID", id)
	_, err := io.WriteString(data, "hello")
	require.NoError(t, err)
	answer, _ := io.ReadAll(data)
	message, _ := io.ReadAll(failure)
	return string(answer), string(message)
}

func TestPortForward(t *testing.T) {
	base, _ := start(t)
	check := func(t *testing.T, conn httpstream.Connection) {
		for i, port := range []string{"80", "443"} {
			answer, message := forward(t, conn, port, fmt.Sprint(i))
			require.Equal(t, "id-web:"+port+" got hello", answer)
			require.Empty(t, message)
		}
		_, message := forward(t, conn, "1", "9")
		require.Contains(t, message, "connection refused")
	}
	t.Run("SPDY", func(t *testing.T) {
		check(t, spdyConn(t, base, "/portForward/default/web", "portforward.k8s.io"))
	})
	t.Run("SPDY in a WebSocket", func(t *testing.T) {
		ws, err := dial(t, base, "/portForward/default/web", "SPDY/3.1+portforward.k8s.io")
		require.NoError(t, err)
		conn, err := spdy.NewClientConnection(&wsConn{Conn: ws})
		require.NoError(t, err)
		defer conn.Close()
		check(t, conn)
	})
	t.Run("absent pod", func(t *testing.T) {
		_, err := dial(t, base, "/portForward/default/other", "SPDY/3.1+portforward.k8s.io")
		require.ErrorContains(t, err, "404 no such pod")
	})
}

// wsConn is the client's end of a tunnel.
type wsConn struct {
	*websocket.Conn
	rest []byte
}

func (c *wsConn) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		_, message, err := c.ReadMessage()
		if err != nil {
			return 0, io.EOF
		}
		c.rest = message
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *wsConn) Write(p []byte) (int, error) {
	return len(p), c.WriteMessage(websocket.BinaryMessage, p)
}

func (c *wsConn) SetDeadline(at time.Time) error {
	return errors.Join(c.SetReadDeadline(at), c.SetWriteDeadline(at))
}

func TestAuthorize(t *testing.T) {
	handler := server.New(server.Config{Node: node{}, Authorize: func(r *http.Request) error {
		if r.Header.Get("Who") != "apiserver" {
			return errors.New("only the API server may ask")
		}
		return nil
	}})
	ask := func(path, who string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Who", who)
		handler.ServeHTTP(w, r)
		return w.Code
	}
	require.Equal(t, http.StatusForbidden, ask("/pods", ""))
	require.Equal(t, http.StatusForbidden, ask("/exec/default/web/c", "mallory"))
	require.Equal(t, http.StatusOK, ask("/pods", "apiserver"))
	require.Equal(t, http.StatusOK, ask("/healthz", ""))
	require.Equal(t, http.StatusNotImplemented, ask("/exec/default/web/c?command=cat&output=1", "apiserver"))
	require.Equal(t, http.StatusInternalServerError, ask("/stats/summary", "apiserver"))
}

func ExampleNew() {
	handler := server.New(server.Config{Node: node{}})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/containerLogs/default/web/c", nil))
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	// Output: 404 no log
}
