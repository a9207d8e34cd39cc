package api_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/interop/store/programs"
	"github.com/coracle-k8s/coracle/network/netns"
	"github.com/coracle-k8s/coracle/pki"
)

// machine makes a network namespace with a loopback, for a node with a real
// kube-proxy.
func machine(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("kube-proxy's rules need %s: %v", tool, err)
		}
	}
	path := filepath.Join(t.TempDir(), "machine")
	require.NoError(t, netns.Create(path))
	t.Cleanup(func() { require.NoError(t, netns.Remove(path)) })
	inside(t, path, "ip", "link", "set", "lo", "up")
	inside(t, path, "ip", "address", "add", "10.244.1.2/32", "dev", "lo")
	inside(t, path, "ip", "route", "add", "default", "dev", "lo")
	return path
}

func inside(t *testing.T, machine string, command ...string) string {
	t.Helper()
	var out []byte
	require.NoError(t, netns.Do(machine, func() (err error) {
		out, err = exec.Command(command[0], command[1:]...).CombinedOutput()
		return err
	}), "%v", command)
	return string(out)
}

// The real kube-proxy writes rules for our Services: who connects to a ClusterIP
// reaches the endpoint that our controllers found.
func TestProxy(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a real component")
	}
	node := machine(t)
	trust, err := pki.Open(t.TempDir())
	require.NoError(t, err)
	listener, err := netns.Listen(node, "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := served{trust: trust, url: "https://" + listener.Addr().String()}
	c.Cluster = clustertest.New(t, clustertest.WithNodes(0), clustertest.WithConfig(func(cfg *cluster.Config) {
		cfg.PKI, cfg.Listeners = trust, []net.Listener{listener}
		cfg.NodeGrace = time.Hour // no kubelet gives a sign of life
	}))
	answering(t, node, "10.244.1.2:8080", "this is the pod")
	c.Apply(`
apiVersion: v1
kind: Node
metadata: {name: node-1}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default, labels: {app: web}}
spec: {nodeName: node-1, containers: [{name: web, image: web}]}
`)
	runs(t, c, "10.244.1.2")

	proxy, err := programs.Proxy(c.kubeconfig(t, pki.UserProxy), "node-1").Program(t.Output())
	if err != nil {
		t.Skip(err)
	}
	require.NoError(t, netns.Do(node, proxy.Start))
	t.Cleanup(func() { require.NoError(t, proxy.Stop()) })

	address := net.JoinHostPort(clustertest.Get[*corev1.Service](c.Cluster, "default", "web").Spec.ClusterIP, "80")
	through := http.Client{Timeout: time.Second, Transport: &http.Transport{DialContext: netns.Dialer(node), DisableKeepAlives: true}}
	var answer string
	c.WaitFor("an answer at the ClusterIP", func() bool {
		response, err := through.Get("http://" + address)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		answer = string(data)
		return err == nil
	})
	require.Equal(t, "this is the pod", answer)
	require.Contains(t, inside(t, node, "nft", "list", "ruleset"), "kube-proxy", "whose rules are these?")
}

// answering serves a text at an address of the machine.
func answering(t *testing.T, machine, address, text string) {
	t.Helper()
	listener, err := netns.Listen(machine, "tcp", address)
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Shutdown(context.Background()))
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
}

// runs says of the node and its pod what a kubelet would.
func runs(t *testing.T, c served, ip string) {
	t.Helper()
	_, err := clustertest.For[*corev1.Node](c.Cluster).ModifyStatus(t.Context(), "", "node-1", func(n *corev1.Node) error {
		n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: ip}}
		n.Status.Conditions = []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now(),
		}}
		return nil
	})
	require.NoError(t, err)
	_, err = clustertest.For[*corev1.Pod](c.Cluster).ModifyStatus(t.Context(), "default", "web", func(p *corev1.Pod) error {
		p.Status.Phase, p.Status.PodIP = corev1.PodRunning, ip
		p.Status.PodIPs = []corev1.PodIP{{IP: ip}}
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		return nil
	})
	require.NoError(t, err)
}
