package goroutine_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

var podCIDR = netip.MustParsePrefix("10.0.1.0/24")

func oneProgram(p goroutine.Program) goroutine.Config {
	return goroutine.Config{Images: goroutine.Programs(map[string]goroutine.Program{"main": p}), PodCIDR: podCIDR}
}

func TestProgram_Panics(t *testing.T) {
	for name, program := range map[string]goroutine.Program{
		"panic":  func(context.Context, *goroutine.Process) int { panic("out of luck") },
		"nil":    func(context.Context, *goroutine.Process) int { var p *goroutine.Process; return len(p.Args) },
		"goexit": func(context.Context, *goroutine.Process) int { runtime.Goexit(); return 0 },
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, oneProgram(program))
			_, id := n.run("pod")
			synctest.Wait()
			s := n.status(id)
			require.Equal(t, cri.ContainerState_CONTAINER_EXITED, s.State, name)
			require.EqualValues(t, 2, s.ExitCode, name)
			require.Contains(t, n.log("pod"), "stderr F panic: ", name)
			require.Contains(t, n.log("pod"), "program_test.go", "the log has the stack of %s", name)
		})
	}
}

func TestProgram_Signals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, oneProgram(func(ctx context.Context, p *goroutine.Process) int {
			s := <-p.Signals
			p.Logf("got %v, stopping is closed: %v", s == syscall.SIGTERM, func() bool { <-p.Stopping(); return true }())
			select {
			case <-ctx.Done():
				return 1
			case <-time.After(20 * time.Second): // a slow goodbye
				return 5
			}
		}))
		_, id := n.run("pod")
		begin := time.Now()
		_, err := n.StopContainer(t.Context(), &cri.StopContainerRequest{ContainerId: id, Timeout: 30})
		require.NoError(t, err)
		require.Equal(t, 20*time.Second, time.Since(begin))
		require.EqualValues(t, 5, n.status(id).ExitCode)
		require.Equal(t, "stdout F got true, stopping is closed: true\n", n.log("pod"))
	})
}

// A killed program that does not look at its context is exited all the same,
// and what it does then is cut off.
func TestProgram_OutlivesItsContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late error
		n := newNode(t, oneProgram(func(ctx context.Context, p *goroutine.Process) int {
			p.Logf("alive")
			time.Sleep(time.Hour)
			_, late = fmt.Fprintln(p.Stdout, "too late")
			return 0
		}))
		_, id := n.run("pod")
		synctest.Wait()
		begin := time.Now()
		_, err := n.StopContainer(t.Context(), &cri.StopContainerRequest{ContainerId: id, Timeout: 30})
		require.NoError(t, err)
		require.Equal(t, 30*time.Second, time.Since(begin))
		require.EqualValues(t, 137, n.status(id).ExitCode)
		require.NoError(t, n.Close())
		require.Equal(t, time.Hour, time.Since(begin), "Close waits for the program to return")
		require.Error(t, late)
		require.Equal(t, "stdout F alive\n", n.log("pod"))
	})
}

func TestProgram_Usage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, oneProgram(func(ctx context.Context, p *goroutine.Process) int {
			p.SetCPU(0.5)
			p.SetMemory(100 << 20)
			goroutine.Pause(ctx, p)
			return 0
		}))
		sandbox, id := n.run("pod", func(_ *cri.PodSandboxConfig, c *cri.ContainerConfig) {
			c.Linux = &cri.LinuxContainerConfig{Resources: &cri.LinuxContainerResources{
				CpuQuota: 20_000, CpuPeriod: 100_000, MemoryLimitInBytes: 200 << 20,
			}}
		})
		synctest.Wait()
		time.Sleep(10 * time.Second)
		stats := func() *cri.ContainerStats {
			resp, err := n.ContainerStats(t.Context(), &cri.ContainerStatsRequest{ContainerId: id})
			require.NoError(t, err)
			return resp.Stats
		}
		require.EqualValues(t, 2e9, stats().Cpu.UsageCoreNanoSeconds.Value, "ten seconds at the limit of 0.2 cores")
		require.EqualValues(t, 2e8, stats().Cpu.UsageNanoCores.Value)
		require.EqualValues(t, 100<<20, stats().Memory.WorkingSetBytes.Value)
		require.EqualValues(t, 100<<20, stats().Memory.AvailableBytes.Value)

		_, err := n.UpdateContainerResources(t.Context(), &cri.UpdateContainerResourcesRequest{
			ContainerId: id, Linux: &cri.LinuxContainerResources{MemoryLimitInBytes: 200 << 20},
		})
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		require.EqualValues(t, 7e9, stats().Cpu.UsageCoreNanoSeconds.Value, "and ten without a limit")
		pod, err := n.PodSandboxStats(t.Context(), &cri.PodSandboxStatsRequest{PodSandboxId: sandbox})
		require.NoError(t, err)
		require.EqualValues(t, 5e8, pod.Stats.Linux.Cpu.UsageNanoCores.Value)

		_, err = n.UpdateContainerResources(t.Context(), &cri.UpdateContainerResourcesRequest{
			ContainerId: id, Linux: &cri.LinuxContainerResources{MemoryLimitInBytes: 50 << 20},
		})
		require.NoError(t, err)
		require.Equal(t, "OOMKilled", n.status(id).Reason, "a limit below what is used")
	})
}

func TestProgram_OutOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, oneProgram(func(ctx context.Context, p *goroutine.Process) int {
			p.SetMemory(2 << 20)
			<-ctx.Done()
			return 0
		}))
		_, id := n.run("pod", func(_ *cri.PodSandboxConfig, c *cri.ContainerConfig) {
			c.Linux = &cri.LinuxContainerConfig{Resources: &cri.LinuxContainerResources{MemoryLimitInBytes: 1 << 20}}
		})
		synctest.Wait()
		s := n.status(id)
		require.Equal(t, "OOMKilled", s.Reason)
		require.EqualValues(t, 137, s.ExitCode)
	})
}

func TestProgram_Files(t *testing.T) {
	volume := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(volume, "key"), []byte("value"), 0o600))
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	config := oneProgram(func(_ context.Context, p *goroutine.Process) int {
		data, err := p.ReadFile("config/key") // relative to the working directory
		p.Logf("%s %v", data, err)
		p.Logf("%v", p.WriteFile("/etc/config/new", nil) != nil)
		p.Logf("%v", p.WriteFile("/tmp/deep/file", []byte("mine")))
		data, err = p.ReadFile("/tmp/../tmp/deep/file")
		p.Logf("%s %v", data, err)
		_, err = p.ReadFile("/etc/config/../../absent")
		p.Logf("%v", os.IsNotExist(err))
		_, err = p.ReadFile("/etc/config/link")
		p.Logf("a link cannot leave its mount: %v", err != nil)
		return 0
	})
	config.RootDir = t.TempDir()
	if err := os.Symlink(outside, filepath.Join(volume, "link")); err != nil {
		t.Logf("this system makes no symbolic link: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, config)
		n.run("pod", func(_ *cri.PodSandboxConfig, c *cri.ContainerConfig) {
			c.WorkingDir = "/etc"
			c.Mounts = []*cri.Mount{{ContainerPath: "/etc/config", HostPath: volume, Readonly: true}}
		})
		synctest.Wait()
		require.Equal(t, "stdout F value <nil>\nstdout F true\nstdout F <nil>\nstdout F mine <nil>\n"+
			"stdout F true\nstdout F a link cannot leave its mount: true\n", n.log("pod"))
		require.NoError(t, n.Close())
		left, err := os.ReadDir(config.RootDir)
		require.NoError(t, err)
		require.Empty(t, left, "a container's own files go with it")
	})
}

func TestImages_FallbackAndPull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		strict := newNode(t, goroutine.Config{Images: goroutine.NewRegistry(map[string]goroutine.Image{
			"slow":  {Program: goroutine.Pause, PullTime: time.Minute},
			"empty": {},
		})})
		pull := func(n *node, name string) error {
			_, err := n.PullImage(t.Context(), &cri.PullImageRequest{Image: &cri.ImageSpec{Image: name}})
			return err
		}
		require.Equal(t, codes.NotFound, status.Code(pull(strict, "unknown")))
		require.Equal(t, codes.FailedPrecondition, status.Code(pull(strict, "empty")))
		begin := time.Now()
		require.NoError(t, pull(strict, "slow:latest"))
		require.Equal(t, time.Minute, time.Since(begin))

		lenient := newNode(t, goroutine.Config{Fallback: goroutine.Pause})
		require.NoError(t, pull(lenient, "registry.example/any/thing@sha256:00"))
	})
}

func TestRuntime_Refuses(t *testing.T) {
	n := newNode(t, goroutine.Config{Fallback: goroutine.Pause})
	pod := &cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: "a", Namespace: "b", Uid: "c"}}
	_, err := n.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: pod})
	require.ErrorContains(t, err, "no pod CIDR yet")
	_, err = n.UpdateRuntimeConfig(t.Context(), &cri.UpdateRuntimeConfigRequest{
		RuntimeConfig: &cri.RuntimeConfig{NetworkConfig: &cri.NetworkConfig{PodCidr: "10.9.0.0/29"}},
	})
	require.NoError(t, err)
	_, err = n.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: pod, RuntimeHandler: "gvisor"})
	require.ErrorContains(t, err, "unknown runtime handler")

	s, err := n.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: pod})
	require.NoError(t, err)
	_, err = n.PullImage(t.Context(), &cri.PullImageRequest{Image: &cri.ImageSpec{Image: "x"}})
	require.NoError(t, err)
	for want, config := range map[string]*cri.ContainerConfig{
		"cannot mount images": {Mounts: []*cri.Mount{{ContainerPath: "/m", Image: &cri.ImageSpec{Image: "x"}}}},
		"has no devices":      {Devices: []*cri.Device{{HostPath: "/dev/null"}}},
		"needs a host path":   {Mounts: []*cri.Mount{{ContainerPath: "/m"}}},
	} {
		config.Metadata, config.Image = &cri.ContainerMetadata{Name: "x"}, &cri.ImageSpec{Image: "x"}
		_, err := n.CreateContainer(t.Context(), &cri.CreateContainerRequest{PodSandboxId: s.PodSandboxId, Config: config})
		require.ErrorContains(t, err, want)
	}
	_, err = n.Exec(t.Context(), &cri.ExecRequest{})
	require.Equal(t, codes.Unimplemented, status.Code(err))

	for i := range 5 { // .2 to .6, one of which is taken
		pod := &cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: fmt.Sprint(i), Namespace: "b", Uid: "c"}}
		_, err = n.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: pod})
		require.Equal(t, i == 4, err != nil, "pod %d: %v", i, err)
	}
	require.ErrorContains(t, err, "all of 10.9.0.0/29 are in use")

	require.NoError(t, n.Close())
	_, err = n.Status(t.Context(), &cri.StatusRequest{})
	require.Equal(t, codes.Unavailable, status.Code(err))
}
