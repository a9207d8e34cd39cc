package api_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/interop/store/programs"
	"github.com/coracle-k8s/coracle/network/netns"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/runtime/criserver"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// A realKubelet is one on a machine of its own, a network namespace, with our API
// server there.
type realKubelet struct {
	t                    *testing.T
	machine, dir, config string
}

// The real kubelet joins as a node, through our API server and over a runtime of
// ours: it runs a pod with a token and settings, shows its log, lets us in, and
// takes it down.
func TestKubelet(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a real component")
	}
	k := &realKubelet{t: t, machine: machine(t), dir: t.TempDir()}
	k.leaveNothing()
	k.serveAPI()
	k.start(k.serveRuntime())

	k.kubectl("create", "serviceaccount", "default")
	k.kubectl("create", "configmap", "kube-root-ca.crt", "--from-file=ca.crt="+filepath.Join(k.dir, "pki", "ca.crt"))
	k.kubectl("create", "configmap", "settings", "--from-literal=greeting=hello")
	require.Eventually(t, func() bool { return k.try("get", "node", "real") == nil }, time.Minute, 100*time.Millisecond, "the node has joined")
	k.kubectl("wait", "--for=condition=Ready", "node/real", "--timeout=60s")

	pod := filepath.Join(k.dir, "pod.yaml")
	require.NoError(t, os.WriteFile(pod, []byte(greeter), 0o600))
	k.kubectl("apply", "-f", pod)
	k.kubectl("wait", "--for=condition=Ready", "pod/greeter", "--timeout=60s")
	require.Equal(t, "hello, with a token\n", k.kubectl("logs", "greeter"))
	require.Equal(t, "let in\n", k.kubectl("exec", "greeter", "--", "echo", "let", "in"))
	require.Equal(t, "10.244.7.2", k.kubectl("get", "pod", "greeter", "-o", "jsonpath={.status.podIP}"))
	require.Eventually(t, func() bool { return k.try("get", "lease", "real", "-n", "kube-node-lease") == nil }, time.Minute, 100*time.Millisecond, "a sign of life")
	k.kubectl("delete", "pod", "greeter", "--timeout=60s")
}

const greeter = `
apiVersion: v1
kind: Pod
metadata: {name: greeter}
spec:
  nodeName: real
  terminationGracePeriodSeconds: 1
  containers:
  - name: greeter
    image: greeter:v1
    env: [{name: GREETING, valueFrom: {configMapKeyRef: {name: settings, key: greeting}}}]
`

// greet says what it finds in its environment, and whether its account has a token.
func greet(ctx context.Context, p *goroutine.Process) int {
	with := "with a token"
	if _, err := p.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/token"); err != nil {
		with = err.Error()
	}
	fmt.Fprintf(p.Stdout, "%s, %s\n", p.Getenv("GREETING"), with)
	return goroutine.Pause(ctx, p)
}

// serveAPI starts coracle apiserver on the machine.
func (k *realKubelet) serveAPI() {
	k.t.Helper()
	server, err := programs.CoracleAPI(k.dir, k.t.Output())
	require.NoError(k.t, err)
	require.NoError(k.t, netns.Do(k.machine, server.Start))
	k.t.Cleanup(func() { require.NoError(k.t, server.Stop()) })
	k.config = filepath.Join(k.dir, "kubeconfigs", "admin.conf")
	require.Eventually(k.t, func() bool { return k.try("get", "--raw", "/readyz") == nil }, time.Minute, 50*time.Millisecond, "the API is ready")
}

// serveRuntime serves a runtime of ours as containerd would, to the machine, and
// returns its address.
func (k *realKubelet) serveRuntime() string {
	rt := goroutine.New(goroutine.Config{
		Images:  goroutine.NewRegistry(map[string]goroutine.Image{"greeter:v1": {Program: greet}}),
		PodCIDR: netip.MustParsePrefix("10.244.7.0/24"), RootDir: k.dir,
	})
	k.t.Cleanup(func() { require.NoError(k.t, rt.Close()) })
	address := "unix://" + filepath.Join(k.dir, "cri.sock")
	listener, err := criserver.Listen(address)
	require.NoError(k.t, err)
	streams, err := netns.Listen(k.machine, "tcp", "127.0.0.1:0")
	require.NoError(k.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- criserver.Serve(ctx, listener, rt, criserver.Options{StreamListener: streams}) }()
	k.t.Cleanup(func() { cancel(); require.NoError(k.t, <-done) })
	return address
}

// leaveNothing removes, at the end, what the kubelet writes outside its root, and
// leaves alone a machine where there is such a thing already.
func (k *realKubelet) leaveNothing() {
	for _, dir := range []string{"/var/lib/kubelet", "/var/log/pods", "/var/log/containers"} {
		_, err := os.Stat(dir)
		switch {
		case os.IsNotExist(err):
			k.t.Cleanup(func() { require.NoError(k.t, os.RemoveAll(dir)) })
		case dir == "/var/lib/kubelet":
			k.t.Skipf("%s is there: this machine has a kubelet, or has had one", dir)
		}
	}
}

// start starts the kubelet. It serves with a certificate by which our API server
// knows it.
func (k *realKubelet) start(runtime string) {
	k.t.Helper()
	trust, err := pki.Open(filepath.Join(k.dir, "pki"))
	require.NoError(k.t, err)
	_, err = trust.ServerCert("kubelet-real", nodeIP)
	require.NoError(k.t, err)
	config := filepath.Join(k.dir, "kubelet.yaml")
	require.NoError(k.t, os.WriteFile(config, fmt.Appendf(nil, kubeletConfig, runtime,
		trust.Path("ca.crt"), trust.Path("kubelet-real.crt"), trust.Path("kubelet-real.key"), filepath.Join(k.dir, "logs")), 0o600))
	identity := filepath.Join(k.dir, "kubelet.conf")
	require.NoError(k.t, trust.WriteKubeconfig(identity, pki.Kubeconfig{
		Server: k.kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"),
		User:   pki.NodeUser("real"), Groups: []string{pki.GroupNodes},
	}))
	kubelet, err := programs.Kubelet(identity, config, "real", nodeIP, filepath.Join(k.dir, "kubelet")).Program(k.t.Output())
	if err != nil {
		k.t.Skip(err)
	}
	require.NoError(k.t, netns.Do(k.machine, kubelet.Start))
	k.t.Cleanup(func() {
		require.NoError(k.t, kubelet.Stop())
		k.unmount()
	})
}

// unmount takes away what the kubelet has mounted below the folder, the last first.
func (k *realKubelet) unmount() {
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(k.t, err)
	for _, line := range slices.Backward(strings.Split(string(mounts), "\n")) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], k.dir+"/") {
			require.NoError(k.t, syscall.Unmount(fields[1], syscall.MNT_DETACH))
		}
	}
}

// nodeIP is the machine's address.
const nodeIP = "10.244.1.2"

const kubeletConfig = `
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: %s
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: %s}}
authorization: {mode: Webhook}
tlsCertFile: %s
tlsPrivateKeyFile: %s
podLogsDir: %s
# Its containers are Go functions: they need no cgroups, and this machine may have old ones.
failCgroupV1: false
cgroupsPerQOS: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
failSwapOn: false
resolvConf: ""
`

// kubectl runs one on the machine, which must succeed, and returns what it says.
func (k *realKubelet) kubectl(args ...string) string {
	k.t.Helper()
	out, err := k.run(args)
	require.NoError(k.t, err, "kubectl %v: %s", args, out)
	return out
}

func (k *realKubelet) try(args ...string) error {
	_, err := k.run(args)
	return err
}

func (k *realKubelet) run(args []string) (string, error) {
	path, err := programs.Find("kubectl")
	if err != nil {
		k.t.Skip(err)
	}
	var out []byte
	err = netns.Do(k.machine, func() (err error) {
		out, err = exec.Command(path, append([]string{"--kubeconfig", k.config}, args...)...).CombinedOutput()
		return err
	})
	return string(out), err
}
