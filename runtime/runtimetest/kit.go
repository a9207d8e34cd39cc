package runtimetest

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
)

// patience is how long a case waits for a state before it fails.
const patience = 30 * time.Second

// kit is what cases share: a runtime, and short ways to make pods.
type kit struct {
	t      *testing.T
	rt     runtime.Runtime
	target Target
	cmd    Commands
	logs   string
}

func newKit(t *testing.T, target Target) *kit {
	k := &kit{t: t, rt: target.Runtime, target: target, cmd: target.Commands, logs: target.LogRoot}
	if k.logs == "" {
		k.logs = t.TempDir()
	}
	k.pull()
	return k
}

func (k *kit) pull() {
	_, err := k.rt.PullImage(k.t.Context(), &cri.PullImageRequest{Image: k.image()})
	require.NoError(k.t, err, "PullImage(%s)", k.target.Image)
}

func (k *kit) image() *cri.ImageSpec { return &cri.ImageSpec{Image: k.target.Image} }

// newSandboxConfig returns a pod that nobody else has.
func (k *kit) newSandboxConfig(name string) *cri.PodSandboxConfig {
	uid := strings.ToLower(rand.Text())
	config := &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Namespace: "runtimetest", Uid: uid},
		Hostname:     name,
		LogDirectory: filepath.Join(k.logs, uid),
		Labels:       map[string]string{"uid": uid},
		Linux:        &cri.LinuxPodSandboxConfig{},
	}
	if k.target.Sandbox != nil {
		k.target.Sandbox(config)
	}
	require.NoError(k.t, os.MkdirAll(config.LogDirectory, 0o755))
	return config
}

// pod is a sandbox of a case.
type pod struct {
	*kit
	id     string
	config *cri.PodSandboxConfig
}

// pod runs a sandbox that goes away with the test.
func (k *kit) pod(name string) *pod { return k.runSandbox(k.newSandboxConfig(name)) }

func (k *kit) runSandbox(config *cri.PodSandboxConfig) *pod {
	k.t.Helper()
	resp, err := k.rt.RunPodSandbox(k.t.Context(), &cri.RunPodSandboxRequest{Config: config})
	require.NoError(k.t, err, "RunPodSandbox")
	require.NotEmpty(k.t, resp.PodSandboxId, "RunPodSandbox gives an id")
	k.t.Cleanup(func() { k.removeSandbox(resp.PodSandboxId) })
	return &pod{kit: k, id: resp.PodSandboxId, config: config}
}

func (k *kit) removeSandbox(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := k.rt.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id})
	if err == nil {
		_, err = k.rt.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id})
	}
	if err != nil {
		k.t.Errorf("remove sandbox %s: %v", id, err)
	}
}

// containerConfig returns a container that runs a command line.
func (k *kit) containerConfig(name string, command []string) *cri.ContainerConfig {
	return &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: name},
		Image:    k.image(),
		Command:  command,
		LogPath:  name + ".log",
		Linux:    &cri.LinuxContainerConfig{},
	}
}

func (p *pod) tryCreate(config *cri.ContainerConfig) (string, error) {
	resp, err := p.rt.CreateContainer(p.t.Context(), &cri.CreateContainerRequest{
		PodSandboxId: p.id, Config: config, SandboxConfig: p.config,
	})
	return resp.GetContainerId(), err
}

func (p *pod) create(config *cri.ContainerConfig) string {
	p.t.Helper()
	id, err := p.tryCreate(config)
	require.NoError(p.t, err, "CreateContainer(%s)", config.Metadata.Name)
	return id
}

func (k *kit) tryStart(id string) error {
	_, err := k.rt.StartContainer(k.t.Context(), &cri.StartContainerRequest{ContainerId: id})
	return err
}

// start creates and starts a container.
func (p *pod) start(name string, command []string) string {
	p.t.Helper()
	return p.startConfig(p.containerConfig(name, command))
}

func (p *pod) startConfig(config *cri.ContainerConfig) string {
	p.t.Helper()
	id := p.create(config)
	require.NoError(p.t, p.tryStart(id), "StartContainer(%s)", config.Metadata.Name)
	return id
}

// run starts a container and waits for its end.
func (p *pod) run(name string, command []string) *cri.ContainerStatus {
	p.t.Helper()
	return p.waitExited(p.start(name, command))
}

func (k *kit) status(id string) *cri.ContainerStatus {
	k.t.Helper()
	resp, err := k.rt.ContainerStatus(k.t.Context(), &cri.ContainerStatusRequest{ContainerId: id})
	require.NoError(k.t, err, "ContainerStatus")
	return resp.Status
}

func (k *kit) waitExited(id string) *cri.ContainerStatus {
	k.t.Helper()
	waitFor(k.t, "container to be EXITED", func() bool {
		return k.status(id).State == cri.ContainerState_CONTAINER_EXITED
	})
	return k.status(id)
}

func (k *kit) stop(id string, seconds int64) {
	k.t.Helper()
	_, err := k.rt.StopContainer(k.t.Context(), &cri.StopContainerRequest{ContainerId: id, Timeout: seconds})
	require.NoError(k.t, err, "StopContainer")
}

func (p *pod) logPath(name string) string { return filepath.Join(p.config.LogDirectory, name+".log") }

// waitReady waits until a container of [Commands.Sleep], [Commands.Stubborn] or
// [Commands.Serve] says so.
func (p *pod) waitReady(name string) {
	p.t.Helper()
	waitFor(p.t, name+" to print ready", func() bool {
		data, err := os.ReadFile(p.logPath(name))
		return err == nil && strings.Contains(string(data), "ready\n")
	})
}

// waitFor looks again and again until cond holds.
func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); !cond(); <-tick.C {
		if time.Since(begin) > patience {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// requireCode checks an error's gRPC code.
func requireCode(t *testing.T, want codes.Code, err error, call string) {
	t.Helper()
	require.Equal(t, want, status.Code(err), "%s: %v", call, err)
}
