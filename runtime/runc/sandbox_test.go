//go:build linux

package runc_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coracle-k8s/coracle/runtime/runc"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func namespaceLink(b *bench, sandbox string, sc *cri.PodSandboxConfig, change func(*cri.NamespaceOption), ns string) string {
	out, _ := b.run(sandbox, sc, security(func(s *cri.LinuxContainerSecurityContext) { change(s.NamespaceOptions) }, "readlink", "/proc/self/ns/"+ns))
	return strings.TrimSpace(out)
}

func hostLink(t *testing.T, ns string) string {
	link, err := os.Readlink("/proc/self/ns/" + ns)
	require.NoError(t, err)
	return link
}

func TestSandbox_shares_namespaces(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	same := func(*cri.NamespaceOption) {}
	sandbox, sc := b.sandbox()
	another, sc2 := b.sandbox(func(c *cri.PodSandboxConfig) { c.Metadata.Uid = "2" })
	for _, ns := range []string{"net", "ipc", "uts"} {
		mine := namespaceLink(b, sandbox, sc, same, ns)
		require.Equal(t, mine, namespaceLink(b, sandbox, sc, same, ns), "%s is shared in a pod", ns)
		require.NotEqual(t, mine, namespaceLink(b, another, sc2, same, ns), "%s is not shared between pods", ns)
		require.NotEqual(t, mine, hostLink(t, ns))
	}
	require.NotEqual(t, namespaceLink(b, sandbox, sc, same, "pid"), namespaceLink(b, sandbox, sc, same, "pid"))
}

func TestSandbox_host_namespaces(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	host := &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Ipc: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_NODE}
	sandbox, sc := b.sandbox(func(c *cri.PodSandboxConfig) { c.Linux.SecurityContext.NamespaceOptions = host })
	pid := func(o *cri.NamespaceOption) { o.Pid = cri.NamespaceMode_NODE }
	for _, ns := range []string{"net", "ipc", "pid"} {
		require.Equal(t, hostLink(t, ns), namespaceLink(b, sandbox, sc, pid, ns), ns)
	}
}

func TestSandbox_shared_processes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox(func(c *cri.PodSandboxConfig) {
		c.Linux.SecurityContext.NamespaceOptions.Pid = cri.NamespaceMode_POD
	})
	shared := func(o *cri.NamespaceOption) { o.Pid = cri.NamespaceMode_POD }
	require.Equal(t, namespaceLink(b, sandbox, sc, shared, "pid"), namespaceLink(b, sandbox, sc, shared, "pid"))
	id := b.create(sandbox, sc, security(func(s *cri.LinuxContainerSecurityContext) { shared(s.NamespaceOptions) }, "sleep"))
	b.start(id)

	// A container may also join the namespace of a single other one.
	alone, sc2 := b.sandbox(func(c *cri.PodSandboxConfig) { c.Metadata.Uid = "2" })
	target := b.create(alone, sc2, toolConfig("sleep"))
	b.start(target)
	out, _ := b.run(alone, sc2, security(func(s *cri.LinuxContainerSecurityContext) {
		s.NamespaceOptions = &cri.NamespaceOption{Pid: cri.NamespaceMode_TARGET, TargetId: target}
	}, "read", "/proc/1/comm"))
	require.Equal(t, "tool\n", out)
}

func TestSandbox_settings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox(func(c *cri.PodSandboxConfig) {
		c.DnsConfig = &cri.DNSConfig{Servers: []string{"10.0.0.10"}, Searches: []string{"a.local", "b.local"}, Options: []string{"ndots:5"}}
		c.Linux.Sysctls = map[string]string{"net.ipv4.ip_unprivileged_port_start": "0", "kernel.shm_rmid_forced": "1"}
	})
	out, _ := b.run(sandbox, sc, toolConfig("read", "/etc/resolv.conf"))
	require.Equal(t, "search a.local b.local\nnameserver 10.0.0.10\noptions ndots:5\n", out)
	out, _ = b.run(sandbox, sc, toolConfig("read", "/proc/sys/net/ipv4/ip_unprivileged_port_start", "/proc/sys/kernel/shm_rmid_forced"))
	require.Equal(t, "0\n1\n", out)

	for name, sysctls := range map[string]map[string]string{
		"of the machine": {"vm.swappiness": "1"},
		"a path":         {"net.ipv4/../../vm/swappiness": "1"},
		"a climb":        {"net...vm.swappiness": "1"},
		"unknown":        {"net.no.such": "1"},
	} {
		config := &cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: "p", Uid: name}, Linux: &cri.LinuxPodSandboxConfig{Sysctls: sysctls}}
		_, err := b.r.RunPodSandbox(b.ctx, &cri.RunPodSandboxRequest{Config: config})
		require.Equal(t, codes.InvalidArgument, status.Code(err), "%s: %v", name, err)
	}
	for _, parent := range []string{"../..", "/", "a/../../b", "x.slice", "a:b"} {
		config := &cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: "p", Uid: parent}, Linux: &cri.LinuxPodSandboxConfig{CgroupParent: parent}}
		_, err := b.r.RunPodSandbox(b.ctx, &cri.RunPodSandboxRequest{Config: config})
		require.Equal(t, codes.InvalidArgument, status.Code(err), "%s: %v", parent, err)
	}
}

// A sandbox is removed with everything it is made of, and the runtime with it
// (which newBench checks for every test).
func TestSandbox_leaves_nothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	parent := b.cfg.CgroupParent + "/burstable/pod1"
	sandbox, sc := b.sandbox(func(c *cri.PodSandboxConfig) { c.Linux.CgroupParent = parent })
	id := b.create(sandbox, sc, toolConfig("sleep"))
	b.start(id)
	found, err := filepath.Glob("/sys/fs/cgroup/*" + parent + "/" + id)
	require.NoError(t, err)
	if len(found) == 0 {
		require.DirExists(t, filepath.Join("/sys/fs/cgroup", parent, id))
	}
	_, err = b.r.RemovePodSandbox(b.ctx, &cri.RemovePodSandboxRequest{PodSandboxId: sandbox})
	require.NoError(t, err)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), b.cfg.Root)
	for _, dir := range []string{"sandboxes", "containers", "state/sandboxes", "state/containers", "state/runc"} {
		entries, err := os.ReadDir(filepath.Join(b.cfg.Root, dir))
		require.NoError(t, err)
		require.Empty(t, entries, dir)
	}
	left, err := filepath.Glob("/sys/fs/cgroup/*" + b.cfg.CgroupParent + "*")
	require.NoError(t, err)
	require.Empty(t, left)
}

// recorder is a network that notes what is asked of it.
type recorder struct {
	fail  error
	calls []string
}

func (n *recorder) Setup(_ context.Context, netns, namespace, name, id string, _ ...runc.PortMapping) ([]string, error) {
	_, err := os.Stat(netns)
	n.calls = append(n.calls, "setup "+namespace+"/"+name)
	return []string{"10.1.2.3", "fd00::3"}, errors.Join(err, n.fail)
}

func (n *recorder) Teardown(_ context.Context, netns, id string) error {
	n.calls = append(n.calls, "teardown")
	return nil
}

func TestSandbox_network(t *testing.T) {
	t.Parallel()
	network := &recorder{}
	b := newBench(t, func(c *runc.Config) { c.Network = network })
	sandbox, _ := b.sandbox()
	resp, err := b.r.PodSandboxStatus(b.ctx, &cri.PodSandboxStatusRequest{PodSandboxId: sandbox})
	require.NoError(t, err)
	require.Equal(t, "10.1.2.3", resp.Status.Network.Ip)
	require.Equal(t, "fd00::3", resp.Status.Network.AdditionalIps[0].Ip)
	_, err = b.r.StopPodSandbox(b.ctx, &cri.StopPodSandboxRequest{PodSandboxId: sandbox})
	require.NoError(t, err)
	_, err = b.r.StopPodSandbox(b.ctx, &cri.StopPodSandboxRequest{PodSandboxId: sandbox})
	require.NoError(t, err)
	require.Equal(t, []string{"setup default/pod", "teardown"}, network.calls)

	// A network that fails leaves no half of a sandbox.
	network.fail, network.calls = errors.New("no address left"), nil
	_, err = b.r.RunPodSandbox(b.ctx, &cri.RunPodSandboxRequest{Config: &cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: "p", Namespace: "x"}}})
	require.ErrorContains(t, err, "no address left")
	require.Equal(t, []string{"setup x/p", "teardown"}, network.calls)
	list, err := b.r.ListPodSandbox(b.ctx, &cri.ListPodSandboxRequest{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
}
