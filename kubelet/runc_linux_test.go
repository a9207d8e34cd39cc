package kubelet_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runc"
)

func TestMain(m *testing.M) {
	runc.ShimMain() // the processes beside containers are this program
	os.Exit(m.Run())
}

// newRuncWorld is a world in real time whose node runs real containers.
func newRuncWorld(t *testing.T) (*world, *runc.Runtime) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: containers are made of namespaces, mounts and cgroups")
	}
	path, err := filepath.Abs("../bin/runc")
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		if path, err = runc.Find(); err != nil {
			t.Skipf("needs runc: %v", err)
		}
	}
	dir := t.TempDir()
	images, err := image.Open(filepath.Join(dir, "images"), image.Options{})
	require.NoError(t, err)
	guest, err := image.BuildGo(t.Context(), image.GoBuild{Package: "../runtime/runtimetest/guest"})
	require.NoError(t, err)
	_, err = images.Add(t.Context(), guest, "guest:v1")
	require.NoError(t, err)
	cgroup := "/coracle-kubelet-" + filepath.Base(filepath.Dir(dir))
	r, err := runc.New(runc.Config{
		Root: filepath.Join(dir, "runc"), RuncPath: path, Images: images, Network: runc.Loopback{}, CgroupParent: cgroup,
	})
	if err != nil {
		t.Skipf("this machine runs no containers: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, r.Purge(context.Background())) })
	w := newWorld(t, dir, nil)
	w.real = true
	w.config.Runtime, w.config.PlainVolumes, w.config.CgroupRoot = r, false, cgroup
	w.start()
	return w, r
}

func TestKubelet_runs_real_containers(t *testing.T) {
	w, _ := newRuncWorld(t)
	_, err := client.For[*corev1.ConfigMap](w.client).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "settings"}, Data: map[string]string{"color": "blue"},
	})
	require.NoError(t, err)
	user, group := int64(1000), int64(2000)
	c := container("c", "guest:v1")
	c.Command = []string{"/app/guest", "sleep"}
	c.Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("64Mi"), "cpu": resource.MustParse("500m")}
	c.ReadinessProbe = &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{
		Command: []string{"/app/guest", "cat", "/etc/settings/color"},
	}}}
	c.VolumeMounts = []corev1.VolumeMount{{Name: "settings", MountPath: "/etc/settings"}, {Name: "memory", MountPath: "/scratch"}}
	c.Lifecycle = &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{
		Command: []string{"/app/guest", "write", "/scratch/hello", "from the hook"},
	}}}
	p := pod("real", c)
	p.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: &user, FSGroup: &group}
	p.Spec.Volumes = []corev1.Volume{
		{Name: "settings", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}},
		{Name: "memory", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}}},
	}
	began := time.Now()
	stored := w.create(p)
	got := w.ready("real")
	t.Log("ready after", time.Since(began))
	require.Equal(t, corev1.PodQOSGuaranteed, got.Status.QOSClass)
	scratch := filepath.Join(w.dir, "kubelet", "pods", string(stored.UID), "volumes", "memory")
	data, err := os.ReadFile(filepath.Join(scratch, "hello"))
	require.NoError(t, err)
	require.Equal(t, "from the hook", string(data))
	require.Equal(t, "ready\n", w.logs("real", ""))

	// The same from another kubelet: the container goes on.
	before := w.get("real").Status.ContainerStatuses[0]
	w.stop()
	w.config.StopPodsOnExit = true
	w.start()
	time.Sleep(2 * time.Second)
	require.Equal(t, before, w.get("real").Status.ContainerStatuses[0])

	w.delete("real")
	w.eventually("the pod is gone", func() bool { return w.get("real") == nil })
	require.NoDirExists(t, filepath.Dir(filepath.Dir(scratch)))
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), scratch)
}

func TestKubelet_restarts_real_containers(t *testing.T) {
	w, _ := newRuncWorld(t)
	c := container("c", "guest:v1")
	c.Command = []string{"/app/guest", "exit", "3"}
	w.create(pod("crash", c))
	p := w.until("crash", "backs off", func(p *corev1.Pod) bool { return waiting(p) == "CrashLoopBackOff" })
	require.EqualValues(t, 1, p.Status.ContainerStatuses[0].RestartCount)
	require.EqualValues(t, 3, p.Status.ContainerStatuses[0].LastTerminationState.Terminated.ExitCode)

	absent := container("c", "guest:v1")
	absent.Command = []string{"/no/such/program"}
	w.create(pod("absent", absent))
	p = w.until("absent", "fails to start", func(p *corev1.Pod) bool {
		return waiting(p) == "RunContainerError" || waiting(p) == "CreateContainerError"
	})
	require.Contains(t, p.Status.ContainerStatuses[0].State.Waiting.Message, "no such file or directory")
	code, _ := w.ask("/healthz")
	require.Equal(t, http.StatusOK, code)
	require.True(t, strings.HasPrefix(p.Status.HostIP, "10."))
}

// An ephemeral container that names a target sees the processes of that container.
func TestKubelet_ephemeral_container_sees_its_target(t *testing.T) {
	w, _ := newRuncWorld(t)
	c := container("c", "guest:v1")
	c.Command = []string{"/app/guest", "sleep"}
	w.create(pod("real", c))
	w.ready("real")
	look := ephemeral("look", "guest:v1")
	look.Command, look.TargetContainerName = []string{"/app/guest", "cat", "/proc/1/cmdline"}, "c"
	w.debug("real", look)
	p := w.until("real", "has been looked at", func(p *corev1.Pod) bool {
		s := p.Status.EphemeralContainerStatuses
		return len(s) == 1 && s[0].State.Terminated != nil
	})
	require.Zero(t, p.Status.EphemeralContainerStatuses[0].State.Terminated.ExitCode)
	code, log := w.ask("/containerLogs/default/real/look")
	require.Equal(t, http.StatusOK, code, log)
	require.Equal(t, "/app/guest\x00sleep\x00", log)
	w.delete("real")
	w.eventually("the pod is gone", func() bool { return w.get("real") == nil })
}
