package kubelet_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// show is a program that writes what it is asked for to its log: files, or its
// whole environment, then waits.
var show = map[string]goroutine.Image{"show:v1": {Program: func(ctx context.Context, p *goroutine.Process) int {
	for _, arg := range p.Args[1:] {
		if arg == "env" {
			fmt.Fprintln(p.Stdout, strings.Join(p.Env, "\n"))
			continue
		}
		data, err := p.ReadFile(arg)
		fmt.Fprintln(p.Stdout, arg+":", string(data), err)
	}
	return goroutine.Pause(ctx, p)
}}}

func showing(args ...string) corev1.Container {
	c := container("c", "show:v1")
	c.Command = append([]string{"show"}, args...)
	return c
}

// logs are what a container printed.
func (w *world) logs(pod, query string) string {
	w.t.Helper()
	code, body := w.ask("/containerLogs/default/" + pod + "/c" + query)
	require.Equal(w.t, http.StatusOK, code, body)
	return body
}

func (w *world) ask(path string) (int, string) {
	w.t.Helper()
	c := &http.Client{Transport: client.InMemory(w.kubelet.Handler())}
	resp, err := c.Get("http://node" + path)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	var b strings.Builder
	_, err = copyAll(&b, resp.Body)
	require.NoError(w.t, err)
	return resp.StatusCode, b.String()
}

func TestKubelet_gives_containers_what_they_refer_to(t *testing.T) {
	inWorld(t, show, func(t *testing.T, w *world) {
		configMaps := client.For[*corev1.ConfigMap](w.client)
		p := pod("reader", showing("env", "/etc/settings/color", "/etc/all/token", "/etc/all/labels", "/etc/hosts"))
		p.Labels = map[string]string{"app": "reader"}
		p.Spec.ServiceAccountName = "default"
		p.Spec.Volumes = []corev1.Volume{
			{Name: "settings", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}},
			{Name: "all", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
				{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}}}}},
			}}}},
		}
		c := &p.Spec.Containers[0]
		c.VolumeMounts = []corev1.VolumeMount{{Name: "settings", MountPath: "/etc/settings"}, {Name: "all", MountPath: "/etc/all"}}
		c.Env = []corev1.EnvVar{
			{Name: "COLOR", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}, Key: "color"}}},
			{Name: "IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
		}
		w.create(p)

		// The ConfigMap is missing: the pod waits, and says for what.
		w.eventually("the pod complains", func() bool { return contains(w.events("reader"), "FailedMount") })
		require.Equal(t, "ContainerCreating", waiting(w.get("reader")))
		began := time.Now()
		_, err := configMaps.Create(t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "settings"}, Data: map[string]string{"color": "blue"},
		})
		require.NoError(t, err)
		got := w.ready("reader")
		require.Less(t, time.Since(began), time.Second, "the ConfigMap is watched, not asked for")
		out := w.logs("reader", "")
		for _, want := range []string{
			"COLOR=blue", "IP=" + got.Status.PodIP, "/etc/settings/color: blue", "/etc/all/token: token-1",
			`/etc/all/labels: app="reader"`, "# Kubernetes-managed hosts file.", got.Status.PodIP + "\treader",
		} {
			require.Contains(t, out, want)
		}

		// A change of the ConfigMap shows in the volume, and the token is renewed.
		_, err = configMaps.Modify(t.Context(), "default", "settings", func(c *corev1.ConfigMap) error {
			c.Data["color"] = "green"
			return nil
		})
		require.NoError(t, err)
		volumes := filepath.Join(w.dir, "kubelet", "pods", string(got.UID), "volumes")
		read := func(name string) string {
			data, _ := os.ReadFile(filepath.Join(volumes, name))
			return string(data)
		}
		w.eventually("the volume changes", func() bool { return read("settings/color") == "green" })
		require.Equal(t, "token-1", read("all/token"))
		time.Sleep(49 * time.Minute)
		require.Equal(t, "token-2", read("all/token"), "a token of an hour is renewed after 48 minutes")

		w.delete("reader")
		w.eventually("the pod is gone", func() bool { return w.get("reader") == nil })
		require.Eventually(t, func() bool { _, err := os.Stat(filepath.Dir(volumes)); return os.IsNotExist(err) }, time.Second, time.Millisecond)
	})
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

func TestKubelet_says_why_a_container_cannot_be_made(t *testing.T) {
	inWorld(t, show, func(t *testing.T, w *world) {
		c := showing()
		c.EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "absent"}}}}
		w.create(pod("absent", c))
		w.until("absent", "waits for the secret", func(p *corev1.Pod) bool { return waiting(p) == "CreateContainerConfigError" })
		require.Contains(t, w.get("absent").Status.ContainerStatuses[0].State.Waiting.Message, `secrets "absent" not found`)

		c = showing()
		yes := true
		c.SecurityContext = &corev1.SecurityContext{RunAsNonRoot: &yes}
		w.create(pod("root", c))
		p := w.until("root", "is refused", func(p *corev1.Pod) bool { return waiting(p) == "CreateContainerConfigError" })
		require.Contains(t, p.Status.ContainerStatuses[0].State.Waiting.Message, "container has runAsNonRoot and image will run as root")
		for _, name := range []string{"absent", "root"} {
			w.delete(name)
			w.eventually(name+" is gone", func() bool { return w.get(name) == nil })
		}
	})
}

func TestKubelet_reads_termination_messages(t *testing.T) {
	images := map[string]goroutine.Image{"last:v1": {Program: func(_ context.Context, p *goroutine.Process) int {
		fmt.Fprintln(p.Stderr, "something broke")
		if len(p.Args) > 1 {
			f, err := p.OpenFile("/dev/termination-log", os.O_WRONLY, 0)
			if err == nil {
				fmt.Fprint(f, p.Args[1])
				f.Close()
			}
		}
		return 1
	}}}
	inWorld(t, images, func(t *testing.T, w *world) {
		for name, args := range map[string][]string{"wrote": {"last", "disk full"}, "logged": {"last"}} {
			c := container("c", "last:v1")
			c.Command, c.TerminationMessagePolicy = args, corev1.TerminationMessageFallbackToLogsOnError
			p := pod(name, c)
			p.Spec.RestartPolicy = corev1.RestartPolicyNever
			w.create(p)
		}
		for name, want := range map[string]string{"wrote": "disk full", "logged": "something broke\n"} {
			p := w.until(name, "fails", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
			require.Equal(t, want, p.Status.ContainerStatuses[0].State.Terminated.Message)
		}
	})
}

func TestKubelet_serves_logs(t *testing.T) {
	images := map[string]goroutine.Image{
		"once:v1": {Program: func(_ context.Context, p *goroutine.Process) int {
			fmt.Fprintln(p.Stdout, "one\ntwo\nthree")
			return 1
		}},
		"chatty:v1": {Program: func(ctx context.Context, p *goroutine.Process) int {
			for i := 0; ; i++ {
				fmt.Fprintf(p.Stdout, "%d %s\n", i, strings.Repeat("x", 100))
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
					return 0
				case <-p.Stopping():
					return 0
				}
			}
		}},
	}
	inWorld(t, images, func(t *testing.T, w *world) {
		w.create(pod("once", container("c", "once:v1")))
		w.create(pod("absent", container("c", "absent:v1")))
		w.until("once", "crashed", func(p *corev1.Pod) bool { return waiting(p) == "CrashLoopBackOff" })
		w.until("absent", "waits", func(p *corev1.Pod) bool { return waiting(p) == "ImagePullBackOff" })
		require.Equal(t, "one\ntwo\nthree\n", w.logs("once", ""))
		require.Equal(t, "three\n", w.logs("once", "?tailLines=1&previous=true"))
		require.Equal(t, "one\nt", w.logs("once", "?limitBytes=5"))

		hostile := []struct {
			path string
			code int
			text string
		}{
			{"/containerLogs/default/absent/c", 400, `container "c" in pod "absent" is waiting to start: trying and failing to pull image`},
			{"/containerLogs/default/absent/c?previous=true", 400, "previous terminated container"},
			{"/containerLogs/default/once/nobody", 404, `container "nobody" not found`},
			{"/containerLogs/default/nobody/c", 404, `pod "nobody" does not exist`},
			{"/containerLogs/default/once/..%2f..%2f..%2fetc%2fpasswd", 404, "not found in pod"},
			{"/containerLogs/default/..%2fonce/c", 404, "does not exist"},
			{"/containerLogs/default/once/c?tailLines=-1", 400, "invalid tailLines"},
			{"/containerLogs/default/once/c?tailLines=many", 400, "invalid tailLines"},
			{"/containerLogs/default/once/c?sinceTime=yesterday", 400, "invalid sinceTime"},
			{"/containerLogs/default/once/c?follow=perhaps", 400, "invalid follow"},
			{"/containerLogs/default/once/c?sinceSeconds=99999999999999", 200, "one"},
			{"/logs/../../etc/passwd", 404, ""},
		}
		for _, test := range hostile {
			code, body := w.ask(test.path)
			require.Equal(t, test.code, code, "%s: %s", test.path, body)
			require.Contains(t, body, test.text, test.path)
		}

		// A log that grows is rotated, and followed through that.
		w.stop()
		w.config.LogMaxSize = 2000
		w.start()
		w.create(pod("chatty", container("c", "chatty:v1")))
		w.ready("chatty")
		followed := make(chan string)
		go func() { followed <- w.logs("chatty", "?follow=true") }()
		time.Sleep(time.Minute)
		w.delete("chatty")
		out := <-followed
		for i := range 60 {
			require.Contains(t, out, fmt.Sprintf("%d xxx", i))
		}
		require.Equal(t, strings.Count(out, "\n"), strings.Count(out, "x\n"), "no line is torn or doubled")
	})
}

func TestKubelet_tells_of_its_use(t *testing.T) {
	images := map[string]goroutine.Image{"busy:v1": {Program: func(ctx context.Context, p *goroutine.Process) int {
		p.SetCPU(0.25)
		p.SetMemory(32 << 20)
		return goroutine.Pause(ctx, p)
	}}}
	inWorld(t, images, func(t *testing.T, w *world) {
		w.create(pod("busy", container("c", "busy:v1")))
		w.ready("busy")
		time.Sleep(time.Minute)
		code, body := w.ask("/stats/summary")
		require.Equal(t, 200, code)
		require.Contains(t, body, `"workingSetBytes":33554432`)
		require.Contains(t, body, `"usageNanoCores":250000000,`)
		_, body = w.ask("/metrics")
		require.Contains(t, body, "kubelet_running_pods 1")
		_, body = w.ask("/pods")
		require.Contains(t, body, `"kind":"PodList"`)
		_, body = w.ask("/healthz")
		require.Equal(t, "ok", body)
	})
}
