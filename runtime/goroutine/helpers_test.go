package goroutine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// node is a runtime with short ways to run a pod of one container.
type node struct {
	*goroutine.Runtime
	t    *testing.T
	logs string
}

func newNode(t *testing.T, config goroutine.Config) *node {
	rt := goroutine.New(config)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	return &node{rt, t, t.TempDir()}
}

// run starts image "main" in a pod and returns the ids of both.
func (n *node) run(name string, change ...func(*cri.PodSandboxConfig, *cri.ContainerConfig)) (sandbox, container string) {
	n.t.Helper()
	pod := &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Namespace: "default", Uid: name},
		LogDirectory: n.logs,
	}
	config := &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: "main"},
		Image:    &cri.ImageSpec{Image: "main"},
		LogPath:  name + ".log",
	}
	for _, c := range change {
		c(pod, config)
	}
	ctx := n.t.Context()
	_, err := n.PullImage(ctx, &cri.PullImageRequest{Image: config.Image})
	require.NoError(n.t, err)
	s, err := n.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: pod})
	require.NoError(n.t, err)
	c, err := n.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: s.PodSandboxId, Config: config, SandboxConfig: pod})
	require.NoError(n.t, err)
	_, err = n.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: c.ContainerId})
	require.NoError(n.t, err)
	return s.PodSandboxId, c.ContainerId
}

func (n *node) status(id string) *cri.ContainerStatus {
	n.t.Helper()
	resp, err := n.ContainerStatus(n.t.Context(), &cri.ContainerStatusRequest{ContainerId: id})
	require.NoError(n.t, err)
	return resp.Status
}

func (n *node) ip(sandbox string) string {
	n.t.Helper()
	resp, err := n.PodSandboxStatus(n.t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: sandbox})
	require.NoError(n.t, err)
	return resp.Status.Network.Ip
}

// log returns what a pod printed, without times.
func (n *node) log(name string) string {
	n.t.Helper()
	data, err := os.ReadFile(filepath.Join(n.logs, name+".log"))
	require.NoError(n.t, err)
	var text strings.Builder
	for line := range strings.Lines(string(data)) {
		_, record, _ := strings.Cut(line, " ")
		text.WriteString(record)
	}
	return text.String()
}
