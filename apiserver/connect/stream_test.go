package connect_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/connect"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

// echo is a kubelet that switches to a protocol of its own: it says which
// request it got, then sends back what it hears.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nSec-WebSocket-Protocol: %s\r\n\r\n", r.Header.Get("Sec-WebSocket-Protocol"))
	fmt.Fprintf(conn, "%s %s auth=%q\n", r.Method, r.URL, r.Header.Get("Authorization"))
	_, _ = io.Copy(conn, buf)
}

func TestExec_passesBytesThrough(t *testing.T) {
	c := newCluster(t, http.HandlerFunc(echo), nil)
	c.add(pod("web", "node-1", "app", "sidecar"))
	resp, conn, in := c.dial(podsPath+"web/exec?container=app&command=sh&command=-c&stdin=true&stdout=true&stderr=false&tty=true",
		"Authorization", "Bearer secret", "Sec-WebSocket-Protocol", "v5.channel.k8s.io")
	require.Equal(t, 101, resp.StatusCode)
	require.Equal(t, "v5.channel.k8s.io", resp.Header.Get("Sec-WebSocket-Protocol"))
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "GET /exec/shop/web/app?command=sh&command=-c&input=1&output=1&tty=1 auth=\"\"\n", line,
		"the client's credentials stay here")

	payload := strings.Repeat("\x00\xff\r\nbytes", 100_000)
	go func() { _, _ = io.WriteString(conn, payload) }()
	got := make([]byte, len(payload))
	_, err = io.ReadFull(in, got)
	require.NoError(t, err)
	require.Equal(t, payload, string(got))
	conn.Close()
}

func TestExec_endsWithTheKubelet(t *testing.T) {
	c := newCluster(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nlast words")
		conn.Close()
	}), nil)
	c.add(pod("web", "node-1", "app"))
	_, _, in := c.dial(podsPath + "web/attach?stdout=true")
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Equal(t, "last words", string(rest))
}

func TestPortForward(t *testing.T) {
	c := newCluster(t, http.HandlerFunc(echo), nil)
	c.add(pod("web", "node-1", "app", "sidecar"))
	_, _, in := c.dial(podsPath + "web/portforward?ports=80,8080")
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "GET /portForward/shop/web?port=80&port=8080 ")
}

func TestStream_refusals(t *testing.T) {
	c := newCluster(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/strange"):
			w.WriteHeader(200)
		case strings.HasSuffix(r.URL.Path, "/locked"):
			http.Error(w, "who are you?", http.StatusForbidden)
		default:
			http.Error(w, `container "app" is gone`, http.StatusNotFound)
		}
	}), nil)
	c.add(pod("web", "node-1", "app", "strange", "locked"))
	c.add(pod("single", "node-1", "app"))
	c.add(pod("pending", "", "app"))
	c.add(pod("lost", "down", "app"))
	c.add(pod("nodeless", "nowhere", "app"))
	done := pod("done", "node-1", "app")
	done.Status.Phase = corev1.PodSucceeded
	c.add(done)

	const exec = "/exec?command=ls&stdout=true"
	for _, test := range []struct {
		path, message string
		code          int
	}{
		{"ghost" + exec, `pods "ghost" not found`, 404},
		{"pending" + exec, "pod pending does not have a host assigned", 400},
		{"nodeless" + exec, `pods "nowhere" not found`, 404},
		{"lost" + exec, "error dialing backend: node down: connection refused", 500},
		{"done" + exec, "cannot exec into a container in a completed pod; current phase is Succeeded", 400},
		{"web" + exec, "a container name must be specified for pod web, choose one of: [app strange locked]", 400},
		{"web" + exec + "&container=x", "container x is not valid for pod web", 400},
		{"web" + exec + "&container=app", `container "app" is gone`, 404},
		{"web" + exec + "&container=strange", "the kubelet did not upgrade the connection", 500},
		{"web" + exec + "&container=locked", "the kubelet refused the API server: who are you?", 500},
		{"single/exec?stdout=true", "you must specify at least 1 command for the container", 400},
		{"single/exec?command=ls", "you must specify at least one of stdin, stdout, stderr", 400},
		{"single/exec?command=ls&stdout=maybe", "stdout: must be true or false", 400},
		{"single/portforward?ports=99999", `port "99999" is not a number from 1 to 65535`, 400},
	} {
		resp, _, in := c.dial(podsPath + test.path)
		body, _ := io.ReadAll(io.LimitReader(in, resp.ContentLength))
		require.Equal(t, test.code, resp.StatusCode, "%s: %s", test.path, body)
	}
	code, message := c.call("GET", podsPath+"single"+exec, "")
	require.Equal(t, 400, code)
	require.Equal(t, "Upgrade request required", message)
	code, message = c.call("POST", podsPath+"web"+exec, "")
	require.Equal(t, 400, code)
	require.Contains(t, message, "container name must be specified")
}

func TestLogs(t *testing.T) {
	release := make(chan struct{})
	c := newCluster(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/containerLogs/shop/web/app":
			fmt.Fprintf(w, "%s\n", r.URL.RawQuery)
			_ = http.NewResponseController(w).Flush()
			if r.URL.Query().Get("follow") != "" {
				<-release
			}
			fmt.Fprintln(w, "end")
		default:
			http.Error(w, `previous terminated container "x" not found`, http.StatusBadRequest)
		}
	}), nil)
	starting := pod("starting", "node-1", "app")
	starting.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"},
	}}}
	for _, p := range []*corev1.Pod{pod("web", "node-1", "app"), pod("two", "node-1", "a", "b"), pod("pending", "", "app"), starting} {
		c.add(p)
	}
	code, body := c.call("GET", podsPath+"web/log?tailLines=3&timestamps=true&previous=false", "")
	require.Equal(t, 200, code)
	require.Equal(t, "tailLines=3&timestamps=true\nend\n", body)

	for path, want := range map[string]string{
		"ghost/log":              `pods "ghost" not found`,
		"two/log":                "a container name must be specified for pod two, choose one of: [a b]",
		"two/log?container=a":    `previous terminated container "x" not found`,
		"pending/log":            `container "app" in pod "pending" is waiting to start`,
		"starting/log":           `container "app" in pod "starting" is waiting to start: ContainerCreating`,
		"web/log?tailLines=-1":   "tailLines: Invalid value: -1: must be greater than or equal to 0",
		"web/log?limitBytes=0":   "must be greater than or equal to 1",
		"web/log?tailLines=many": `tailLines: "many" is not a number`,
		"web/log?follow=perhaps": "follow: must be true or false",
		"web/log?sinceTime=noon": "not an RFC 3339 time",
		"web/log?stream=Stderr":  "supported values",
		"web/log?sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z": "at most one of",
	} {
		code, message := c.call("GET", podsPath+path, "")
		require.GreaterOrEqual(t, code, 400, path)
		require.Less(t, code, 500, path)
		require.Contains(t, message, want, path)
	}

	// Following, each line comes when it is written.
	resp, err := http.Get(c.url + podsPath + "web/log?follow=true")
	require.NoError(t, err)
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "follow=true\n", line)
	close(release)
	line, err = in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "end\n", line)
}

// inMemory is a response whose connection is one end of a net.Pipe, as that of
// an in-memory transport is.
type inMemory struct {
	http.ResponseWriter
	conn net.Conn
}

func (w inMemory) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}

// piped is a kubelet in this process.
type piped struct{ kubelet net.Conn }

func (p piped) RoundTripper(*corev1.Node) (http.RoundTripper, string, error) {
	return p, "http://node", nil
}

func (p piped) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 101, Header: http.Header{"Upgrade": {"echo"}}, Body: p.kubelet}, nil
}

// TestExec_inMemory has no sockets, so it runs in a bubble, and leaves no
// goroutine behind.
func TestExec_inMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kubelet, kubeletEnd := net.Pipe()
		client, clientEnd := net.Pipe()
		connector := connect.Connectors(connect.Options{
			Objects: typedtest.New(pod("web", "node-1", "app"), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}),
			Nodes:   piped{kubelet},
		})["pods/exec"]
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/?command=ls&stdin=1&stdout=1", nil)
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "echo")
		done := make(chan error)
		go func() {
			done <- connector.ServeConnect(inMemory{httptest.NewRecorder(), clientEnd}, r, &apiserver.Connection{Namespace: "shop", Name: "web"})
		}()
		in := bufio.NewReader(client)
		resp, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.Equal(t, 101, resp.StatusCode)

		go func() { _, _ = io.WriteString(client, "ping") }()
		got := make([]byte, 4)
		_, err = io.ReadFull(kubeletEnd, got)
		require.NoError(t, err)
		require.Equal(t, "ping", string(got))
		client.Close()
		require.NoError(t, <-done)
		_, err = kubeletEnd.Read(got)
		require.ErrorIs(t, err, io.EOF, "the kubelet hears that the client has gone")
	})
}
