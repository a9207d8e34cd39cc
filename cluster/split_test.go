package cluster_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/controller/manager"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/runtime/criserver"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// apart are the parts of a cluster as if each were a process: they meet over TCP
// and TLS, with an identity from a kubeconfig each.
type apart struct {
	t      *testing.T
	pki    *pki.PKI
	dir    string
	server string
}

func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

// start runs a part until the test ends. Parts that start later end earlier.
func (a *apart) start(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	a.t.Cleanup(func() {
		cancel()
		require.NoError(a.t, <-ended, name)
	})
}

// kubeconfig makes an identity and returns its file.
func (a *apart) kubeconfig(user string, groups, hosts []string) string {
	path := filepath.Join(a.dir, user+".conf")
	require.NoError(a.t, a.pki.WriteKubeconfig(path, pki.Kubeconfig{Server: a.server, User: user, Groups: groups, Hosts: hosts}))
	return path
}

func (a *apart) client(user string, groups ...string) *client.Client {
	c, err := client.FromKubeconfig(a.kubeconfig(user, groups, nil))
	require.NoError(a.t, err)
	return c
}

// startApart starts a control plane.
func startApart(t *testing.T) *apart {
	authority, err := pki.New()
	require.NoError(t, err)
	listener := loopback(t)
	a := &apart{t: t, pki: authority, dir: t.TempDir(), server: "https://" + listener.Addr().String()}
	ready := make(chan struct{})
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	a.start("apiserver", func(ctx context.Context) error {
		return cluster.RunAPI(ctx, cluster.Config{
			Store: memstore.New(), PKI: authority, Listeners: []net.Listener{listener}, Logger: log,
			Advertise: netip.MustParseAddrPort(listener.Addr().String()),
		}, func() error { close(ready); return nil })
	})
	<-ready
	a.start("scheduler", func(ctx context.Context) error {
		c := a.client(pki.UserScheduler)
		return cluster.Lead(ctx, c, "kube-scheduler", func(ctx context.Context) error { return cluster.RunScheduler(ctx, c, log) })
	})
	a.start("controllers", func(ctx context.Context) error {
		return cluster.RunControllers(ctx, a.client(pki.UserControllerManager), manager.Options{
			RootCA: authority.CAPEM(), Authority: authority, Leader: cluster.LeadOptions("kube-controller-manager"), Logger: log,
		})
	})
	return a
}

// node describes a node of this machine, whose pods are functions.
func (a *apart) node(name string, runtime string) cluster.NodeProcess {
	return cluster.NodeProcess{
		Kubeconfig: a.kubeconfig(pki.NodeUser(name), []string{pki.GroupNodes}, []string{"127.0.0.1", name}),
		Listener:   loopback(a.t), Runtime: runtime, PodCIDR: netip.MustParsePrefix("10.244.1.0/24"),
		Machine: cluster.MachineConfig{Dir: filepath.Join(a.dir, name)},
	}
}

// A pod made over TLS is scheduled, run, and its log read back, with every part
// under its own identity, over both kinds of runtime that need no root.
func TestParts_as_processes(t *testing.T) {
	for _, kind := range []string{"goroutine", "CRI server"} {
		t.Run(kind, func(t *testing.T) {
			a := startApart(t)
			runtime := cluster.RuntimeGoroutine
			if kind == "CRI server" {
				runtime = a.serveCRI()
			}
			n := a.node("alone", runtime)
			a.start("kubelet", func(ctx context.Context) error { return cluster.RunNode(ctx, n) })

			admin := a.client(pki.UserAdmin, pki.GroupMasters)
			pods := client.For[*corev1.Pod](admin)
			require.Eventually(t, func() bool {
				_, err := client.For[*corev1.ServiceAccount](admin).Get(t.Context(), "default", "default")
				return err == nil
			}, 30*time.Second, 10*time.Millisecond, "the controllers make the service account of pods")
			_, err := pods.Create(t.Context(), &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
			})
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				pod, err := pods.Get(t.Context(), "default", "web")
				require.NoError(t, err)
				return pod.Status.Phase == corev1.PodRunning && pod.Spec.NodeName == "alone"
			}, 30*time.Second, 10*time.Millisecond, "the pod runs")
			transport, server, err := client.FromKubeconfigTransport(a.kubeconfig(pki.UserAdmin, []string{pki.GroupMasters}, nil))
			require.NoError(t, err)
			resp, err := (&http.Client{Transport: transport}).Get(server + "/api/v1/namespaces/default/pods/web/log")
			require.NoError(t, err)
			defer resp.Body.Close()
			require.Equal(t, http.StatusOK, resp.StatusCode, "the API server reaches the kubelet")
		})
	}
}

// serveCRI serves a runtime as containerd would, and returns its address.
func (a *apart) serveCRI() string {
	rt := goroutine.New(goroutine.Config{Fallback: goroutine.Pause, RootDir: a.t.TempDir()})
	a.t.Cleanup(func() { require.NoError(a.t, rt.Close()) })
	listener, err := criserver.Listen("tcp://127.0.0.1:0")
	require.NoError(a.t, err)
	a.start("CRI server", func(ctx context.Context) error { return criserver.Serve(ctx, listener, rt, criserver.Options{}) })
	return "tcp://" + listener.Addr().String()
}

// A kubelet with the wrong identity does not start, and says what to do.
func TestRunNode_identity(t *testing.T) {
	authority, err := pki.New()
	require.NoError(t, err)
	a := &apart{t: t, pki: authority, dir: t.TempDir(), server: "https://127.0.0.1:1"}
	for name, change := range map[string]func(*cluster.NodeProcess){
		"not of a node": func(n *cluster.NodeProcess) {
			n.Kubeconfig = a.kubeconfig(pki.UserScheduler, nil, []string{"127.0.0.1"})
		},
		"of node a, not of b": func(n *cluster.NodeProcess) { n.Name = "b" },
		"at another address":  func(n *cluster.NodeProcess) { n.IP = netip.MustParseAddr("10.0.0.9") },
		"--pod-cidr":          func(n *cluster.NodeProcess) { n.PodCIDR = netip.Prefix{} },
		"unknown: want runc":  func(n *cluster.NodeProcess) { n.Runtime = "magic" },
		"no such file":        func(n *cluster.NodeProcess) { n.Kubeconfig += ".not" },
	} {
		n := a.node("a", cluster.RuntimeGoroutine)
		change(&n)
		require.ErrorContains(t, cluster.RunNode(t.Context(), n), name)
	}
}

func TestServeHealth(t *testing.T) {
	listener := loopback(t)
	a := &apart{t: t}
	a.start("health", func(ctx context.Context) error {
		return cluster.ServeHealth(ctx, listener, cluster.NewMetrics(), slog.New(slog.DiscardHandler))
	})
	for path, want := range map[string]string{"/healthz": "ok", "/metrics": "go_goroutines"} {
		resp, err := http.Get("http://" + listener.Addr().String() + path)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		require.NoError(t, err)
		require.Contains(t, string(body), want)
	}
}

// Node ports of a cluster in memory are open on the machine.
func TestMemory_NodePorts(t *testing.T) {
	free := loopback(t)
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	if port < 30000 || port > 32767 {
		port = 30000 + port%2768
	}
	hello := goroutine.Serve(":8080", func(*goroutine.Process) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	})
	c := clustertest.New(t, clustertest.WithImage("web", hello), clustertest.WithMemory(func(m *cluster.MemoryConfig) {
		m.NodePorts = netip.MustParseAddr("127.0.0.1")
	}))
	c.Apply(fmt.Sprintf(`
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: default, labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}, spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: %d}]}}
`, port))
	c.WaitFor("the answer at the node port", func() bool {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return err == nil && string(body) == "hello"
	})
}
