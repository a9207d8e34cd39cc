//go:build linux

package runc_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// security returns a tool container with changes to its security context.
func security(change func(*cri.LinuxContainerSecurityContext), args ...string) *cri.ContainerConfig {
	config := toolConfig(args...)
	change(config.Linux.SecurityContext)
	return config
}

func TestContainer_process(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()

	config := toolConfig("env", "PATH", "COLOR", "HOSTNAME")
	config.Envs = []*cri.KeyValue{{Key: "COLOR", Value: []byte("green")}}
	out, _ := b.run(sandbox, sc, config)
	require.Equal(t, "PATH=/app:/usr/local/bin:/usr/bin:/bin\nCOLOR=green\nHOSTNAME=pod\n", out)

	config = toolConfig("cwd")
	config.WorkingDir = "/tmp"
	out, _ = b.run(sandbox, sc, config)
	require.Equal(t, "/tmp\n", out)

	out, _ = b.run(sandbox, sc, toolConfig("hostname"))
	require.Equal(t, "pod\n", out)
	out, _ = b.run(sandbox, sc, toolConfig("read", "/etc/hostname"))
	require.Equal(t, "pod\n", out)
}

func TestContainer_user(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	out, st := b.run(sandbox, sc, security(func(s *cri.LinuxContainerSecurityContext) {
		s.RunAsUser, s.RunAsGroup = &cri.Int64Value{Value: 1000}, &cri.Int64Value{Value: 2000}
		s.SupplementalGroups = []int64{3000}
	}, "status", "Uid", "Gid", "Groups"))
	require.Equal(t, "Uid:\t1000\t1000\t1000\t1000\nGid:\t2000\t2000\t2000\t2000\nGroups:\t3000 \n", out)
	require.EqualValues(t, 1000, st.User.Linux.Uid)
	require.Equal(t, []int64{3000}, st.User.Linux.SupplementalGroups)

	out, _ = b.run(sandbox, sc, security(func(s *cri.LinuxContainerSecurityContext) { s.RunAsUsername = "nobody" }, "status", "Uid"))
	require.Equal(t, "Uid:\t65534\t65534\t65534\t65534\n", out)

	_, err := b.r.CreateContainer(b.ctx, &cri.CreateContainerRequest{PodSandboxId: sandbox, SandboxConfig: sc,
		Config: security(func(s *cri.LinuxContainerSecurityContext) { s.RunAsUsername = "mallory" }, "version")})
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.ErrorContains(t, err, `user "mallory" is not in the image's /etc/passwd`)
}

func TestContainer_security(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()

	out, _ := b.run(sandbox, sc, toolConfig("status", "CapEff", "NoNewPrivs"))
	require.Equal(t, "CapEff:\t00000000a80425fb\nNoNewPrivs:\t0\n", out, "docker's capabilities")
	out, _ = b.run(sandbox, sc, security(func(s *cri.LinuxContainerSecurityContext) {
		s.Capabilities = &cri.Capability{DropCapabilities: []string{"ALL"}, AddCapabilities: []string{"NET_BIND_SERVICE"}}
		s.NoNewPrivs = true
	}, "status", "CapEff", "NoNewPrivs"))
	require.Equal(t, "CapEff:\t0000000000000400\nNoNewPrivs:\t1\n", out)

	_, st := b.run(sandbox, sc, security(func(s *cri.LinuxContainerSecurityContext) { s.ReadonlyRootfs = true }, "write", "/x", "y"))
	require.EqualValues(t, 1, st.ExitCode)
	require.Contains(t, b.output(st.LogPath, "stderr"), "read-only file system")

	_, st = b.run(sandbox, sc, toolConfig("write", "/proc/sys/kernel/core_pattern", "x"))
	require.Contains(t, b.output(st.LogPath, "stderr"), "read-only file system")
	out, _ = b.run(sandbox, sc, toolConfig("list", "/sys/firmware"))
	require.Empty(t, out, "masked")

	out, _ = b.run(sandbox, sc, security(func(s *cri.LinuxContainerSecurityContext) { s.Privileged = true }, "list", "/dev"))
	require.Contains(t, out, "kmsg", "a privileged container has the machine's devices")
}

func TestContainer_mounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("hello\n"), 0o644))

	config := toolConfig("read", "/data/file")
	config.Mounts = []*cri.Mount{{ContainerPath: "/data", HostPath: dir, Readonly: true}}
	out, _ := b.run(sandbox, sc, config)
	require.Equal(t, "hello\n", out)

	config = toolConfig("write", "/data/file", "no")
	config.Mounts = []*cri.Mount{{ContainerPath: "/data", HostPath: dir, Readonly: true}}
	_, st := b.run(sandbox, sc, config)
	require.EqualValues(t, 1, st.ExitCode)

	config = toolConfig("write", "/data/new", "yes")
	config.Mounts = []*cri.Mount{{ContainerPath: "/data", HostPath: dir}}
	b.run(sandbox, sc, config)
	raw, err := os.ReadFile(filepath.Join(dir, "new"))
	require.NoError(t, err)
	require.Equal(t, "yes", string(raw))

	config = toolConfig("list", "/other/app")
	config.Mounts = []*cri.Mount{{ContainerPath: "/other", Image: &cri.ImageSpec{Image: "tool:v1"}}}
	out, _ = b.run(sandbox, sc, config)
	require.Equal(t, "tool\n", out, "an image as a volume")

	for name, m := range map[string]*cri.Mount{
		"climbs":         {ContainerPath: "/a/../../b", HostPath: dir},
		"missing":        {ContainerPath: "/a", HostPath: dir + "/nowhere"},
		"relative":       {ContainerPath: "/a", HostPath: "x"},
		"over the root":  {ContainerPath: "/", HostPath: dir},
		"missing image":  {ContainerPath: "/a", Image: &cri.ImageSpec{Image: "nowhere:v1"}},
		"image and path": {ContainerPath: "/a", HostPath: dir, Image: &cri.ImageSpec{Image: "tool:v1"}},
		"sub path out":   {ContainerPath: "/a", Image: &cri.ImageSpec{Image: "tool:v1"}, ImageSubPath: "../.."},
	} {
		config := toolConfig("version")
		config.Mounts = []*cri.Mount{m}
		_, err := b.r.CreateContainer(b.ctx, &cri.CreateContainerRequest{PodSandboxId: sandbox, Config: config, SandboxConfig: sc})
		require.Error(t, err, name)
		require.Contains(t, []codes.Code{codes.InvalidArgument, codes.NotFound}, status.Code(err), "%s: %v", name, err)
	}
}

func TestContainer_refused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	create := func(config *cri.ContainerConfig) error {
		_, err := b.r.CreateContainer(b.ctx, &cri.CreateContainerRequest{PodSandboxId: sandbox, Config: config, SandboxConfig: sc})
		return err
	}
	config := toolConfig("version")
	config.LogPath = "../../escape.log"
	require.Equal(t, codes.InvalidArgument, status.Code(create(config)))

	config = toolConfig("version")
	config.Image.Image = "nowhere:v1"
	err := create(config)
	require.Equal(t, codes.NotFound, status.Code(err))
	require.ErrorContains(t, err, "nowhere:v1")

	require.Equal(t, codes.InvalidArgument, status.Code(create(security(func(s *cri.LinuxContainerSecurityContext) {
		s.Capabilities = &cri.Capability{AddCapabilities: []string{"FLY"}}
	}, "version"))))

	// A program that is not there is runc's to find; its words come through.
	config = toolConfig("version")
	config.Command = []string{"/no/such/program"}
	id := b.create(sandbox, sc, config)
	_, err = b.r.StartContainer(b.ctx, &cri.StartContainerRequest{ContainerId: id})
	require.ErrorContains(t, err, `exec: "/no/such/program"`)
	st := b.status(id)
	require.Equal(t, cri.ContainerState_CONTAINER_EXITED, st.State)
	require.Equal(t, "StartError", st.Reason)
	require.EqualValues(t, 128, st.ExitCode)
	require.Contains(t, st.Message, "no such file or directory")
}

// A hostile image must not make the runtime wait or read elsewhere.
func TestContainer_hostile_accounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	layer, err := image.Layer([]image.File{
		{Name: "/etc", Mode: os.ModeDir | 0o755},
		{Name: "/etc/passwd", Mode: os.ModeSymlink, Target: "/../../../../etc/passwd"},
	})
	require.NoError(t, err)
	img, err := mutate.AppendLayers(empty.Image, layer)
	require.NoError(t, err)
	_, err = b.images.Add(t.Context(), img, "hostile:v1")
	require.NoError(t, err)
	config := security(func(s *cri.LinuxContainerSecurityContext) { s.RunAsUsername = "root" }, "version")
	config.Image.Image = "hostile:v1"
	_, err = b.r.CreateContainer(b.ctx, &cri.CreateContainerRequest{PodSandboxId: sandbox, Config: config, SandboxConfig: sc})
	require.ErrorContains(t, err, "too many symbolic links", "the link leads to itself inside the image, not to the host's file")
}

func TestContainer_stop_signal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	config := toolConfig("term")
	config.StopSignal = cri.Signal_SIGNAL_SIGUSR1
	id := b.create(sandbox, sc, config)
	b.start(id)
	b.waitOutput(id, "ready")
	_, err := b.r.StopContainer(b.ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: 20})
	require.NoError(t, err)
	st := b.status(id)
	require.Zero(t, st.ExitCode)
	require.Contains(t, b.output(st.LogPath, "stdout"), "got user defined signal 1")
}

func TestContainer_limits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	config := toolConfig("eat", "200")
	config.Linux.Resources = &cri.LinuxContainerResources{
		MemoryLimitInBytes: 32 << 20, MemorySwapLimitInBytes: 32 << 20, CpuShares: 512, CpuPeriod: 100000, CpuQuota: 50000, OomScoreAdj: 500,
	}
	_, st := b.run(sandbox, sc, config)
	require.Equal(t, "OOMKilled", st.Reason)
	require.EqualValues(t, 137, st.ExitCode)

	config = toolConfig("read", "/proc/self/oom_score_adj")
	config.Linux.Resources = &cri.LinuxContainerResources{OomScoreAdj: 500}
	out, _ := b.run(sandbox, sc, config)
	require.Equal(t, "500\n", out)
}

func TestContainer_update_and_stats(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	config := toolConfig("burn")
	config.Linux.Resources = &cri.LinuxContainerResources{MemoryLimitInBytes: 64 << 20, CpuShares: 100}
	id := b.create(sandbox, sc, config)
	b.start(id)
	_, err := b.r.UpdateContainerResources(b.ctx, &cri.UpdateContainerResourcesRequest{
		ContainerId: id, Linux: &cri.LinuxContainerResources{MemoryLimitInBytes: 128 << 20},
	})
	require.NoError(t, err)
	require.EqualValues(t, 128<<20, b.status(id).Resources.Linux.MemoryLimitInBytes)
	require.EqualValues(t, 100, b.status(id).Resources.Linux.CpuShares, "what was not asked for stays")

	stats := func() *cri.ContainerStats {
		resp, err := b.r.ContainerStats(b.ctx, &cri.ContainerStatsRequest{ContainerId: id})
		require.NoError(t, err)
		return resp.Stats
	}
	stats()
	require.Eventually(t, func() bool { return stats().Cpu.UsageNanoCores.GetValue() > 0 }, 20*time.Second, 50*time.Millisecond)
	st := stats()
	require.Positive(t, st.Memory.WorkingSetBytes.Value)
	require.Less(t, st.Memory.AvailableBytes.Value, uint64(128<<20))
	require.Greater(t, st.Memory.AvailableBytes.Value, uint64(64<<20), "the new limit counts")

	pod, err := b.r.PodSandboxStats(b.ctx, &cri.PodSandboxStatsRequest{PodSandboxId: sandbox})
	require.NoError(t, err)
	require.Positive(t, pod.Stats.Linux.Cpu.UsageCoreNanoSeconds.Value)
	require.Len(t, pod.Stats.Linux.Containers, 1)
}

func TestContainer_log_rotation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	id := b.create(sandbox, sc, toolConfig("ticks"))
	b.start(id)
	b.waitOutput(id, "tick 3")
	path := b.status(id).LogPath
	require.NoError(t, os.Rename(path, path+".1"))
	_, err := b.r.ReopenContainerLog(b.ctx, &cri.ReopenContainerLogRequest{ContainerId: id})
	require.NoError(t, err)
	b.waitOutput(id, "tick")
	_, err = b.r.StopContainer(b.ctx, &cri.StopContainerRequest{ContainerId: id})
	require.NoError(t, err)
	all := b.output(path+".1", "stdout") + b.output(path, "stdout")
	for i, line := range strings.Split(strings.TrimSpace(all), "\n") {
		require.Equal(t, fmt.Sprint("tick ", i), line, "nothing is lost or doubled")
	}
}
