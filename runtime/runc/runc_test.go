//go:build linux

package runc_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runc"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func TestMain(m *testing.M) {
	runc.ShimMain()
	if root := os.Getenv("KILLED"); root != "" {
		killed(root)
	}
	os.Exit(m.Run())
}

// tool is the image of testdata/tool, compiled once.
var tool = sync.OnceValues(func() (v1.Image, error) {
	return image.BuildGo(context.Background(), image.GoBuild{
		Package: "./testdata/tool", Vars: map[string]string{"main.version": "v1"},
	})
})

// findRunc skips a test where containers cannot run.
func findRunc(t testing.TB) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: containers are made of namespaces, mounts and cgroups")
	}
	if path, err := filepath.Abs("../../bin/runc"); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := runc.Find()
	if err != nil {
		t.Skipf("needs runc: %v", err)
	}
	return path
}

// A bench is a runtime with the tool's image, and what tests want to do with it.
type bench struct {
	testing.TB
	ctx    context.Context
	r      *runc.Runtime
	cfg    runc.Config
	images *image.Store
	logs   string
}

func newBench(t testing.TB, change ...func(*runc.Config)) *bench {
	t.Helper()
	path := findRunc(t)
	dir := t.TempDir()
	images, err := image.Open(filepath.Join(dir, "images"), image.Options{})
	require.NoError(t, err)
	img, err := tool()
	require.NoError(t, err)
	_, err = images.Add(t.Context(), img, "tool:v1")
	require.NoError(t, err)
	cfg := runc.Config{
		Root: filepath.Join(dir, "runc"), RuncPath: path, Images: images, Network: runc.Loopback{},
		CgroupParent: "/coracle-test-" + filepath.Base(filepath.Dir(dir)),
		Logger:       slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, c := range change {
		c(&cfg)
	}
	b := &bench{TB: t, ctx: t.Context(), cfg: cfg, images: images, logs: filepath.Join(dir, "logs")}
	b.open()
	t.Cleanup(func() {
		require.NoError(t, b.r.Purge(context.Background()))
		requireNothingLeft(t, cfg)
	})
	return b
}

func (b *bench) open() {
	b.Helper()
	r, err := runc.New(b.cfg)
	require.NoError(b, err)
	b.r = r
}

// requireNothingLeft looks for mounts, cgroups, processes and files.
func requireNothingLeft(t testing.TB, cfg runc.Config) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), cfg.Root, "a mount is left")
	for _, pattern := range []string{"/sys/fs/cgroup/*" + cfg.CgroupParent, "/sys/fs/cgroup" + cfg.CgroupParent} {
		left, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.Empty(t, left, "a cgroup is left")
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cwd")
	require.NoError(t, err)
	for _, p := range processes {
		if dir, err := os.Readlink(p); err == nil {
			require.False(t, strings.HasPrefix(dir, cfg.Root), "%s is left in %s", p, dir)
		}
	}
	for _, name := range []string{"sandboxes", "containers", "state"} {
		_, err := os.Stat(filepath.Join(cfg.Root, name))
		require.ErrorIs(t, err, os.ErrNotExist)
	}
}

func (b *bench) sandbox(change ...func(*cri.PodSandboxConfig)) (string, *cri.PodSandboxConfig) {
	b.Helper()
	config := &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: "pod", Namespace: "default", Uid: "1", Attempt: attempts.Add(1)},
		Hostname: "pod", LogDirectory: b.logs,
		Linux: &cri.LinuxPodSandboxConfig{SecurityContext: &cri.LinuxSandboxSecurityContext{
			NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_CONTAINER},
		}},
	}
	for _, c := range change {
		c(config)
	}
	resp, err := b.r.RunPodSandbox(b.ctx, &cri.RunPodSandboxRequest{Config: config})
	require.NoError(b, err)
	return resp.PodSandboxId, config
}

// attempts makes every container of a test one of its own.
var attempts atomic.Uint32

func toolConfig(args ...string) *cri.ContainerConfig {
	return &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: args[0], Attempt: attempts.Add(1)}, Image: &cri.ImageSpec{Image: "tool:v1"},
		Args: args, LogPath: fmt.Sprintf("%s-%d.log", args[0], time.Now().UnixNano()),
		Linux: &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{
			NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_CONTAINER},
		}},
	}
}

func (b *bench) create(sandbox string, sc *cri.PodSandboxConfig, config *cri.ContainerConfig) string {
	b.Helper()
	resp, err := b.r.CreateContainer(b.ctx, &cri.CreateContainerRequest{PodSandboxId: sandbox, Config: config, SandboxConfig: sc})
	require.NoError(b, err)
	return resp.ContainerId
}

func (b *bench) start(id string) {
	b.Helper()
	_, err := b.r.StartContainer(b.ctx, &cri.StartContainerRequest{ContainerId: id})
	require.NoError(b, err)
}

// run runs a container to its end and returns its output.
func (b *bench) run(sandbox string, sc *cri.PodSandboxConfig, config *cri.ContainerConfig) (stdout string, st *cri.ContainerStatus) {
	b.Helper()
	id := b.create(sandbox, sc, config)
	b.start(id)
	st = b.wait(id)
	return b.output(st.LogPath, "stdout"), st
}

func (b *bench) status(id string) *cri.ContainerStatus {
	b.Helper()
	resp, err := b.r.ContainerStatus(b.ctx, &cri.ContainerStatusRequest{ContainerId: id})
	require.NoError(b, err)
	return resp.Status
}

func (b *bench) wait(id string) *cri.ContainerStatus {
	b.Helper()
	var st *cri.ContainerStatus
	require.Eventually(b, func() bool {
		st = b.status(id)
		return st.State == cri.ContainerState_CONTAINER_EXITED
	}, 20*time.Second, 2*time.Millisecond, "the container does not end")
	return st
}

// output puts a stream together from the log.
func (b *bench) output(logPath, stream string) string {
	b.Helper()
	raw, err := os.ReadFile(logPath)
	require.NoError(b, err)
	var out strings.Builder
	for line := range strings.Lines(string(raw)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		require.Len(b, parts, 4, "a record of the log: %q", line)
		_, err := time.Parse(time.RFC3339Nano, parts[0])
		require.NoError(b, err)
		if parts[1] != stream {
			continue
		}
		out.WriteString(parts[3])
		if parts[2] == "F" {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// waitOutput waits until a container's log has the text.
func (b *bench) waitOutput(id, text string) {
	b.Helper()
	path := b.status(id).LogPath
	require.Eventually(b, func() bool {
		raw, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(raw), text)
	}, 20*time.Second, 2*time.Millisecond, "%q is not in the log", text)
}

func TestRuntime_runs_a_container_to_its_end(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	out, st := b.run(sandbox, sc, toolConfig("version"))
	require.Equal(t, "v1\n", out)
	require.Zero(t, st.ExitCode)
	require.Equal(t, "Completed", st.Reason)
	require.GreaterOrEqual(t, st.FinishedAt, st.StartedAt)

	_, st = b.run(sandbox, sc, toolConfig("exit", "7"))
	require.EqualValues(t, 7, st.ExitCode)
	require.Equal(t, "Error", st.Reason)

	_, st = b.run(sandbox, sc, toolConfig("both"))
	require.Equal(t, "to stdout\n", b.output(st.LogPath, "stdout"))
	require.Equal(t, "to stderr\n", b.output(st.LogPath, "stderr"))
}
