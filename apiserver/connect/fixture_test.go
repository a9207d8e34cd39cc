package connect_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/connect"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// nodes sends all nodes to one kubelet; "down" does not answer.
type nodes struct{ url string }

func (n nodes) RoundTripper(node *corev1.Node) (http.RoundTripper, string, error) {
	if node.Name == "down" {
		return failing{}, "http://down", nil
	}
	return http.DefaultTransport, n.url, nil
}

type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

// pods sends what is for a pod's address to a server of the test, and notes
// where it should have gone.
type pods struct {
	url  string
	last *http.Request
}

func (p *pods) RoundTrip(r *http.Request) (*http.Response, error) {
	p.last = r.Clone(r.Context())
	to := r.Clone(r.Context())
	to.URL.Scheme, to.URL.Host = "http", strings.TrimPrefix(p.url, "http://")
	return http.DefaultTransport.RoundTrip(to)
}

// A cluster is a real API server over TCP with this package's connectors.
type cluster struct {
	t       *testing.T
	objects apiserver.Objects
	url     string
	handler http.Handler
	pods    *pods
}

// newCluster starts a server whose kubelets and pods are the given handlers.
func newCluster(t *testing.T, kubelet, pod http.Handler) *cluster {
	t.Helper()
	backend := func(h http.Handler) string {
		if h == nil {
			h = http.NotFoundHandler()
		}
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	st := memstore.New()
	storage := apiserver.NewStorage(st, kinds.Registry(), nil)
	c := &cluster{t: t, objects: storage.Objects(), pods: &pods{url: backend(pod)}}
	server, err := apiserver.New(apiserver.Config{
		Storage: storage, Authenticators: []apiserver.Authenticator{auth.InProcess{}}, Authorizer: auth.Masters{},
		Connectors: connect.Connectors(connect.Options{
			Objects: c.objects, Nodes: nodes{backend(kubelet)}, Pods: c.pods,
			API: func() http.Handler { return c.handler },
		}),
	})
	require.NoError(t, err)
	c.handler = server
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	front := httptest.NewServer(auth.As(auth.Server(), server))
	c.url = front.URL
	t.Cleanup(func() {
		front.Close()
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, st.Close())
	})
	for _, name := range []string{"node-1", "down"} {
		c.add(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	c.add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	return c
}

func (c *cluster) add(obj api.Object) {
	c.t.Helper()
	gvk, err := api.KindOf(obj)
	require.NoError(c.t, err)
	_, err = c.objects.Create(c.t.Context(), kinds.Registry().ForKind(gvk), obj)
	require.NoError(c.t, err)
}

// pod returns a running pod with the given containers.
func pod(name, node string, containers ...string) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec:       corev1.PodSpec{NodeName: node},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.1.0.7"},
	}
	for _, c := range containers {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: c, Image: "i"})
	}
	return p
}

const podsPath = "/api/v1/namespaces/shop/pods/"

// call returns the answer's code and body, or the message of a Status.
func (c *cluster) call(method, path, body string, headers ...string) (int, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	require.NoError(c.t, err)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	status := metav1.Status{}
	if json.Unmarshal(data, &status) == nil && status.Kind == "Status" {
		return resp.StatusCode, status.Message
	}
	return resp.StatusCode, string(data)
}

// dial sends a request with an Upgrade over a TCP connection of its own and
// returns the answer and the connection.
func (c *cluster) dial(path string, headers ...string) (*http.Response, net.Conn, *bufio.Reader) {
	c.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	require.NoError(c.t, err)
	c.t.Cleanup(func() { conn.Close() })
	head := "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n"
	for i := 0; i < len(headers); i += 2 {
		head += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	_, err = io.WriteString(conn, head+"\r\n")
	require.NoError(c.t, err)
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	require.NoError(c.t, err)
	return resp, conn, in
}
