package interop_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
)

// streams is a cluster with a running pod named web.
type streams struct {
	*clustertest.Cluster
	config *rest.Config
	client *kubernetes.Clientset
}

func startPod(t *testing.T) *streams {
	c := start(t)
	s := &streams{Cluster: c, config: restConfig(t, c, true), client: clientset(t, c)}
	_, err := s.client.CoreV1().Pods("default").Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web:v1"}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	c.WaitFor("the pod runs", func() bool {
		pod, err := s.client.CoreV1().Pods("default").Get(t.Context(), "web", metav1.GetOptions{})
		require.NoError(t, err)
		return pod.Status.Phase == corev1.PodRunning
	})
	return s
}

// url is that of a subresource of the pod.
func (s *streams) url(subresource string, options *corev1.PodExecOptions) *url.URL {
	request := s.client.CoreV1().RESTClient().Post().Namespace("default").Resource("pods").Name("web").SubResource(subresource)
	if options != nil {
		request.VersionedParams(options, scheme.ParameterCodec)
	}
	return request.URL()
}

func TestClientGo_exec(t *testing.T) {
	t.Parallel()
	s := startPod(t)
	executors := map[string]func(*url.URL) (remotecommand.Executor, error){
		"SPDY": func(u *url.URL) (remotecommand.Executor, error) {
			return remotecommand.NewSPDYExecutor(s.config, http.MethodPost, u)
		},
		"WebSocket": func(u *url.URL) (remotecommand.Executor, error) {
			return remotecommand.NewWebSocketExecutor(s.config, http.MethodGet, u.String())
		},
	}
	for name, executor := range executors {
		run := func(stdin string, command ...string) (string, error) {
			options := &corev1.PodExecOptions{Command: command, Stdin: stdin != "", Stdout: true, Stderr: true}
			exec, err := executor(s.url("exec", options))
			require.NoError(t, err)
			var out, errs bytes.Buffer
			streams := remotecommand.StreamOptions{Stdout: &out, Stderr: &errs}
			if stdin != "" {
				streams.Stdin = strings.NewReader(stdin)
			}
			err = exec.StreamWithContext(t.Context(), streams)
			return out.String() + errs.String(), err
		}
		t.Run(name, func(t *testing.T) {
			out, err := run("", "echo", "hello")
			require.NoError(t, err)
			require.Equal(t, "hello\n", out)

			much := strings.Repeat("all work and no play\n", 50_000)
			out, err = run(much, "cat")
			require.NoError(t, err)
			require.Equal(t, len(much), len(out))

			_, err = run("", "false")
			var exit utilexec.ExitError
			require.ErrorAs(t, err, &exit)
			require.Equal(t, 1, exit.ExitStatus())

			_, err = run("", "no-such-program")
			require.ErrorContains(t, err, "no-such-program")
		})
	}
}

func TestClientGo_logs(t *testing.T) {
	t.Parallel()
	s := startPod(t)
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := s.client.CoreV1().Pods("default").GetLogs("web", &corev1.PodLogOptions{Follow: true}).Stream(ctx)
	require.NoError(t, err)
	defer stream.Close()
	defer cancel()
	line := make([]byte, len("web v1 starts\n"))
	_, err = io.ReadFull(stream, line)
	require.NoError(t, err)
	require.Equal(t, "web v1 starts\n", string(line))

	// What the pod says later comes too; the proxy of the API server makes it speak.
	answer, err := s.client.CoreV1().Pods("default").ProxyGet("http", "web", "8080", "/said", nil).DoRaw(ctx)
	require.NoError(t, err)
	require.Equal(t, "this is v1\n", string(answer))
	line = make([]byte, len("GET /said\n"))
	_, err = io.ReadFull(stream, line)
	require.NoError(t, err)
	require.Equal(t, "GET /said\n", string(line))
}

func TestClientGo_port_forward(t *testing.T) {
	t.Parallel()
	s := startPod(t)
	transport, upgrader, err := spdy.RoundTripperFor(s.config)
	require.NoError(t, err)
	target := s.url("portforward", nil)
	websocket, err := portforward.NewSPDYOverWebsocketDialer(target, s.config)
	require.NoError(t, err)
	dialers := map[string]httpstream.Dialer{
		"SPDY":                spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, target),
		"SPDY over WebSocket": websocket,
	}
	for name, dialer := range dialers {
		t.Run(name, func(t *testing.T) {
			stop, ready, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			forwarder, err := portforward.New(dialer, []string{"0:8080"}, stop, ready, io.Discard, io.Discard)
			require.NoError(t, err)
			go func() { ended <- forwarder.ForwardPorts() }()
			select {
			case <-ready:
			case err := <-ended:
				t.Fatal(err)
			}
			ports, err := forwarder.GetPorts()
			require.NoError(t, err)
			for range 3 {
				resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", ports[0].Local))
				require.NoError(t, err)
				answer, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				require.NoError(t, err)
				require.Equal(t, "this is v1\n", string(answer))
			}
			close(stop)
			require.NoError(t, <-ended)
		})
	}
}
