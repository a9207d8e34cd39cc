//go:build linux

package runc_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runc"
	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// killed runs in a process of its own: it starts containers, says their names and
// waits to be killed.
func killed(root string) {
	must := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	images, err := image.Open(filepath.Join(root, "images"), image.Options{})
	must(err)
	r, err := runc.New(runc.Config{
		Root: filepath.Join(root, "runc"), RuncPath: os.Getenv("RUNC"), Images: images,
		Network: runc.Loopback{}, CgroupParent: os.Getenv("CGROUP"),
	})
	must(err)
	ctx := context.Background()
	sc := &cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: "pod", Uid: "1"}, LogDirectory: filepath.Join(root, "logs"), Linux: &cri.LinuxPodSandboxConfig{}}
	sandbox, err := r.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: sc})
	must(err)
	fmt.Println(sandbox.PodSandboxId)
	for _, args := range [][]string{{"term"}, {"lines"}, {"ticks"}} {
		config := toolConfig(args...)
		config.Linux.SecurityContext = nil
		config.Stdin = true
		c, err := r.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: sandbox.PodSandboxId, Config: config})
		must(err)
		_, err = r.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: c.ContainerId})
		must(err)
		fmt.Println(c.ContainerId)
	}
	select {}
}

// startAndKill starts containers in another process, and kills it without mercy.
func startAndKill(t *testing.T, b *bench) (sandbox string, containers []string) {
	require.NoError(t, b.r.Close())
	root := filepath.Dir(b.cfg.Root)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "KILLED="+root, "RUNC="+b.cfg.RuncPath, "CGROUP="+b.cfg.CgroupParent)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	var ids []string
	for len(ids) < 4 && lines.Scan() {
		require.Len(t, lines.Text(), 64, lines.Text())
		ids = append(ids, lines.Text())
	}
	require.Len(t, ids, 4)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	return ids[0], ids[1:]
}

func TestRestart_finds_what_runs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, ids := startAndKill(t, b)

	// One container ends while no runtime is there.
	pid, err := os.ReadFile(filepath.Join(b.cfg.Root, "state/containers", ids[0], "pid"))
	require.NoError(t, err)
	require.NoError(t, exec.Command("kill", "-TERM", strings.TrimSpace(string(pid))).Run())
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(b.cfg.Root, "state/containers", ids[0], "exit.json"))
		return err == nil
	}, waitTime, tick)

	b.open()
	pod, err := b.r.PodSandboxStatus(b.ctx, &cri.PodSandboxStatusRequest{PodSandboxId: sandbox})
	require.NoError(t, err)
	require.Equal(t, cri.PodSandboxState_SANDBOX_READY, pod.Status.State)
	st := b.wait(ids[0])
	require.Zero(t, st.ExitCode)
	require.Contains(t, b.output(st.LogPath, "stdout"), "got terminated")

	// The others go on, their streams included, and can be stopped and removed.
	require.Equal(t, cri.ContainerState_CONTAINER_RUNNING, b.status(ids[2]).State)
	before := len(b.output(b.status(ids[2]).LogPath, "stdout"))
	require.Eventually(t, func() bool { return len(b.output(b.status(ids[2]).LogPath, "stdout")) > before }, waitTime, tick)
	require.Equal(t, "you said hello\n", b.attachLine(ids[1], "hello\n"))
	resp, err := b.r.ExecSync(b.ctx, &cri.ExecSyncRequest{ContainerId: ids[2], Cmd: []string{"/app/tool", "version"}})
	require.NoError(t, err)
	require.Equal(t, "v1\n", string(resp.Stdout))
	_, err = b.r.RemovePodSandbox(b.ctx, &cri.RemovePodSandboxRequest{PodSandboxId: sandbox})
	require.NoError(t, err)
}

func TestPurge_after_a_kill(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	startAndKill(t, b)
	require.NoError(t, runc.Purge(b.ctx, b.cfg))
	requireNothingLeft(t, b.cfg)
	b.open()
	list, err := b.r.ListContainers(b.ctx, &cri.ListContainersRequest{})
	require.NoError(t, err)
	require.Empty(t, list.Containers)
}

func TestPurge_refuses_an_open_runtime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.ErrorContains(t, runc.Purge(b.ctx, b.cfg), "in use by another runtime")
	_, err := runc.New(b.cfg)
	require.ErrorContains(t, err, "in use by another runtime")
}

func TestRestart_after_a_shim_died(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	id := b.create(sandbox, sc, toolConfig("sleep"))
	b.start(id)
	raw, err := os.ReadFile(filepath.Join(b.cfg.Root, "state/containers", id, "shim.pid"))
	require.NoError(t, err)
	var pid int
	_, err = fmt.Sscanf(string(raw), `{"PID":%d`, &pid)
	require.NoError(t, err)
	shim, err := os.FindProcess(pid)
	require.NoError(t, err)
	require.NoError(t, shim.Kill())
	st := b.wait(id)
	require.Equal(t, "ShimDied", st.Reason)
	require.EqualValues(t, 255, st.ExitCode)
}

func TestRestart_tidies_broken_records(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	id := b.create(sandbox, sc, toolConfig("sleep"))
	b.start(id)
	require.NoError(t, b.r.Close())
	require.NoError(t, os.WriteFile(filepath.Join(b.cfg.Root, "containers", id, "record.json"), []byte("{"), 0o600))
	b.open()
	list, err := b.r.ListContainers(b.ctx, &cri.ListContainersRequest{})
	require.NoError(t, err)
	require.Empty(t, list.Containers)
	_, err = b.r.RemovePodSandbox(b.ctx, &cri.RemovePodSandboxRequest{PodSandboxId: sandbox})
	require.NoError(t, err)
}
