package kubelet_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// exit is a program that ends after a while with a code.
func exit(after time.Duration, code int) goroutine.Image {
	return goroutine.Image{Program: func(ctx context.Context, p *goroutine.Process) int {
		select {
		case <-time.After(after):
			return code
		case <-ctx.Done():
		case <-p.Stopping():
		}
		return 143
	}}
}

func web(p *goroutine.Process) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello from ", p.Hostname) })
}

var images = map[string]goroutine.Image{
	"web:v1":   {Program: goroutine.Serve(":80", web)},
	"web:v2":   {Program: goroutine.Serve(":80", web)},
	"pause:v1": {Program: goroutine.Pause},
	"ok:v1":    exit(time.Second, 0),
	"bad:v1":   exit(time.Second, 3),
	"stubborn:v1": {Program: func(ctx context.Context, p *goroutine.Process) int {
		<-ctx.Done()
		return 1
	}},
}

func httpProbe() *corev1.Probe {
	return &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromInt32(80)}}}
}

func TestKubelet_runs_a_pod_from_create_to_delete(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		c := container("web", "web:v1")
		c.ReadinessProbe = httpProbe()
		created := w.create(pod("web", c))
		p := w.ready("web")
		require.Equal(t, corev1.PodRunning, p.Status.Phase)
		require.Regexp(t, `^10\.1\.0\.\d+$`, p.Status.PodIP)
		require.Equal(t, "10.0.0.9", p.Status.HostIP)
		require.Equal(t, corev1.PodQOSBestEffort, p.Status.QOSClass)
		require.True(t, strings.HasPrefix(p.Status.ContainerStatuses[0].ContainerID, "goroutine://"))
		require.Equal(t, p.Generation, p.Status.ObservedGeneration)
		for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
			require.True(t, hasCondition(p, kind), kind)
		}

		watch, err := client.For[*corev1.Pod](w.client).Watch(t.Context(), "default", client.WatchOptions{ResourceVersion: p.ResourceVersion})
		require.NoError(t, err)
		defer watch.Close()
		w.delete("web")
		w.eventually("the pod is gone", func() bool { return w.get("web") == nil })
		// Whoever watches saw how it ended before it was gone.
		var last *corev1.Pod
		for {
			event, err := watch.Next(t.Context())
			require.NoError(t, err)
			if event.Type == "DELETED" {
				break
			}
			last = event.Object
		}
		require.Equal(t, created.UID, last.UID)
		require.NotNil(t, last.Status.ContainerStatuses[0].State.Terminated)
		require.Zero(t, last.Status.ContainerStatuses[0].State.Terminated.ExitCode)
		require.Equal(t, corev1.PodSucceeded, last.Status.Phase)
	})
}

func hasCondition(p *corev1.Pod, kind corev1.PodConditionType) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// A container that crashes is restarted at once, then after 10 s, 20 s, 40 s.
func TestKubelet_backs_off_from_a_container_that_crashes(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		w.create(pod("crash", container("c", "bad:v1")))
		var at []time.Duration
		for count := range int32(5) {
			p := w.until("crash", fmt.Sprintf("runs for the time no. %d", count), func(p *corev1.Pod) bool {
				s := p.Status.ContainerStatuses
				return len(s) == 1 && s[0].RestartCount == count && s[0].State.Running != nil
			})
			at = append(at, p.Status.ContainerStatuses[0].State.Running.StartedAt.Sub(p.Status.StartTime.Time).Round(time.Second))
			require.Equal(t, corev1.PodRunning, p.Status.Phase)
		}
		require.Equal(t, []time.Duration{0, time.Second, 12 * time.Second, 33 * time.Second, 74 * time.Second}, at)
		p := w.until("crash", "waits", func(p *corev1.Pod) bool { return p.Status.ContainerStatuses[0].State.Waiting != nil })
		s := p.Status.ContainerStatuses[0]
		require.Equal(t, "CrashLoopBackOff", s.State.Waiting.Reason)
		require.Contains(t, s.State.Waiting.Message, "back-off 1m20s restarting failed container=c pod=crash_default(")
		require.EqualValues(t, 3, s.LastTerminationState.Terminated.ExitCode)
		require.Equal(t, "Error", s.LastTerminationState.Terminated.Reason)
		require.Contains(t, w.events("crash"), "BackOff")
	})
}

func TestKubelet_ends_pods_that_are_done(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		for name, policy := range map[string]corev1.RestartPolicy{"never": corev1.RestartPolicyNever, "onfailure": corev1.RestartPolicyOnFailure} {
			for image, code := range map[string]string{"ok:v1": "0", "bad:v1": "3"} {
				p := pod(name+code, container("c", image))
				p.Spec.RestartPolicy = policy
				w.create(p)
			}
		}
		w.until("never0", "succeeds", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })
		w.until("never3", "fails", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
		w.until("onfailure0", "succeeds", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })
		w.until("onfailure3", "is restarted", func(p *corev1.Pod) bool { return p.Status.ContainerStatuses[0].RestartCount > 2 })
	})
}

func TestKubelet_runs_init_containers_in_order_and_sidecars_beside(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		always := corev1.ContainerRestartPolicyAlways
		p := pod("job", container("main", "ok:v1"))
		p.Spec.RestartPolicy = corev1.RestartPolicyNever
		side := container("side", "pause:v1")
		side.RestartPolicy = &always
		p.Spec.InitContainers = []corev1.Container{container("first", "ok:v1"), side, container("second", "ok:v1")}
		w.create(p)
		w.until("job", "waits for its init containers", func(p *corev1.Pod) bool {
			s := p.Status
			return len(s.ContainerStatuses) == 1 && s.ContainerStatuses[0].State.Waiting != nil &&
				s.ContainerStatuses[0].State.Waiting.Reason == "PodInitializing" && s.Phase == corev1.PodPending
		})
		done := w.until("job", "succeeds", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })
		first, second := done.Status.InitContainerStatuses[0].State.Terminated, done.Status.InitContainerStatuses[2].State.Terminated
		require.False(t, second.StartedAt.Before(&first.FinishedAt), "the second starts when the first is done")
		require.NotNil(t, done.Status.InitContainerStatuses[1].State.Terminated, "the sidecar ends after the containers")
	})
}

func TestKubelet_pulls_with_back_off(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		w.create(pod("late", container("c", "late:v1")))
		w.until("late", "failed to pull", func(p *corev1.Pod) bool { return waiting(p) == "ErrImagePull" })
		w.until("late", "backs off", func(p *corev1.Pod) bool { return waiting(p) == "ImagePullBackOff" })
		w.images.Add("late:v1", goroutine.Image{Program: goroutine.Pause})
		w.ready("late")
		require.Subset(t, w.events("late"), []string{"Pulling", "Failed", "BackOff", "Pulled", "Created", "Started"})
	})
}

func waiting(p *corev1.Pod) string {
	if s := p.Status.ContainerStatuses; len(s) > 0 && s[0].State.Waiting != nil {
		return s[0].State.Waiting.Reason
	}
	return ""
}

func TestKubelet_restarts_what_its_liveness_probe_fails(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		c := container("c", "pause:v1") // does not listen
		c.LivenessProbe = httpProbe()
		c.LivenessProbe.FailureThreshold = 3
		w.create(pod("deaf", c))
		p := w.until("deaf", "is restarted", func(p *corev1.Pod) bool {
			return len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].RestartCount == 2
		})
		require.NotNil(t, p.Status.ContainerStatuses[0].LastTerminationState.Terminated)
		require.Subset(t, w.events("deaf"), []string{"Unhealthy", "Killing"})
	})
}

func TestKubelet_startup_probe_gates_the_others(t *testing.T) {
	images := map[string]goroutine.Image{"slow:v1": {Program: func(ctx context.Context, p *goroutine.Process) int {
		time.Sleep(20 * time.Second)
		return goroutine.Serve(":80", web)(ctx, p)
	}}}
	inWorld(t, images, func(t *testing.T, w *world) {
		c := container("c", "slow:v1")
		c.StartupProbe, c.LivenessProbe, c.ReadinessProbe = httpProbe(), httpProbe(), httpProbe()
		c.StartupProbe.FailureThreshold, c.LivenessProbe.FailureThreshold = 30, 1
		w.create(pod("slow", c))
		p := w.ready("slow")
		require.Zero(t, p.Status.ContainerStatuses[0].RestartCount)
		require.True(t, *p.Status.ContainerStatuses[0].Started)
	})
}

// A container that ignores SIGTERM is killed when the grace period is over; one
// that has a preStop hook gets the hook first, out of the same time.
func TestKubelet_gives_containers_their_grace(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		for _, name := range []string{"stubborn", "hooked", "forced"} {
			c := container("c", "stubborn:v1")
			if name == "hooked" {
				c.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 6}}}
			}
			p := pod(name, c)
			seconds := int64(10)
			p.Spec.TerminationGracePeriodSeconds = &seconds
			w.create(p)
		}
		for _, name := range []string{"stubborn", "hooked"} {
			w.ready(name)
			began := time.Now()
			w.delete(name)
			w.eventually(name+" is gone", func() bool { return w.get(name) == nil })
			require.InDelta(t, 10, time.Since(began).Seconds(), 0.5, name)
		}
		w.ready("forced")
		began := time.Now()
		w.delete("forced")
		time.Sleep(2 * time.Second)
		w.delete("forced", client.GracePeriod(1))
		w.eventually("forced is gone", func() bool { return w.get("forced") == nil })
		require.InDelta(t, 2, time.Since(began).Seconds(), 1.5, "a second delete shortens the grace period")
	})
}

func TestKubelet_keeps_the_deadline_of_a_pod(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		p := pod("long", container("c", "pause:v1"))
		seconds := int64(30)
		p.Spec.ActiveDeadlineSeconds = &seconds
		w.create(p)
		got := w.until("long", "fails", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
		require.Equal(t, "DeadlineExceeded", got.Status.Reason)
		w.until("long", "ends", func(p *corev1.Pod) bool { return p.Status.ContainerStatuses[0].State.Terminated != nil })
	})
}

func TestKubelet_replaces_a_container_whose_image_changed(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		w.create(pod("web", container("web", "web:v1")))
		w.ready("web")
		_, err := client.For[*corev1.Pod](w.client).Modify(t.Context(), "default", "web", func(p *corev1.Pod) error {
			p.Spec.Containers[0].Image = "web:v2"
			return nil
		})
		require.NoError(t, err)
		p := w.until("web", "runs v2", func(p *corev1.Pod) bool {
			s := p.Status.ContainerStatuses[0]
			return s.RestartCount == 1 && s.State.Running != nil && isReady(p)
		})
		require.Equal(t, "web:v2", p.Status.ContainerStatuses[0].Image)
	})
}

func TestKubelet_rejects_what_does_not_fit(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		big := container("c", "pause:v1")
		big.Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("3")}
		w.create(pod("one", big))
		w.ready("one")
		w.create(pod("two", big))
		p := w.until("two", "is rejected", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
		require.Equal(t, "OutOfcpu", p.Status.Reason)
		require.Contains(t, p.Status.Message, "cpu, requested: 3000, used: 3000, capacity: 4000")

		port := container("c", "pause:v1")
		port.Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 8080}}
		w.create(pod("three", port))
		w.ready("three")
		w.create(pod("four", port))
		p = w.until("four", "is rejected", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
		require.Equal(t, "NodePorts", p.Status.Reason)
		w.delete("four")
		w.eventually("four is gone", func() bool { return w.get("four") == nil })
	})
}

// A new kubelet finds the pods of the old one running, and leaves them so. What
// was deleted meanwhile it stops.
func TestKubelet_picks_up_where_another_stopped(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		c := container("web", "web:v1")
		c.ReadinessProbe = httpProbe()
		w.create(pod("stays", c))
		w.create(pod("goes", c))
		w.create(pod("vanishes", c))
		for _, name := range []string{"stays", "goes", "vanishes"} {
			w.ready(name)
		}
		before := w.get("stays")
		w.stop()
		w.delete("goes")
		w.delete("vanishes", client.GracePeriod(0))
		time.Sleep(10 * time.Second)
		w.start()
		time.Sleep(time.Minute)
		after := w.get("stays")
		require.Equal(t, before.Status.ContainerStatuses, after.Status.ContainerStatuses)
		require.Equal(t, before.Status.Conditions, after.Status.Conditions, "it never became unready")
		require.Nil(t, w.get("goes"))
		require.Len(t, w.runningPods(), 1)
	})
}

func TestKubelet_keeps_pods_running_without_the_API_server(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		w.create(pod("web", container("web", "web:v1")))
		w.create(pod("crash", container("c", "bad:v1")))
		w.ready("web")
		w.outage.cut(errors.New("connection refused"))
		time.Sleep(5 * time.Minute)
		require.Len(t, w.runningPods(), 2)
		w.outage.cut(nil)
		w.until("crash", "was restarted meanwhile", func(p *corev1.Pod) bool { return p.Status.ContainerStatuses[0].RestartCount >= 5 })
		w.delete("web")
		w.eventually("web is gone", func() bool { return w.get("web") == nil })
	})
}

func TestKubelet_stops_pods_on_exit_if_told_to(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, dir, images)
		w.config.StopPodsOnExit = true
		w.start()
		w.create(pod("web", container("web", "web:v1")))
		w.ready("web")
		w.stop()
		require.Empty(t, w.runningPods())
		require.NotNil(t, w.get("web"), "the object is not the kubelet's to delete")
	})
}

// A day of a quiet node costs next to nothing.
func TestKubelet_gives_signs_of_life(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		nodes := client.For[*corev1.Node](w.client)
		_, err := nodes.ModifyStatus(t.Context(), "", "n1", func(n *corev1.Node) error {
			n.Status.Capacity["example.com/device"] = resource.MustParse("2")
			n.Status.Conditions = append(n.Status.Conditions, corev1.NodeCondition{Type: "Custom", Status: corev1.ConditionTrue})
			return nil
		})
		require.NoError(t, err)
		w.create(pod("web", container("web", "web:v1")))
		w.ready("web")
		time.Sleep(24 * time.Hour)
		node, err := nodes.Get(t.Context(), "", "n1")
		require.NoError(t, err)
		require.Equal(t, "n1", node.Labels[corev1.LabelHostname])
		require.Equal(t, "goroutine://0.1.0", node.Status.NodeInfo.ContainerRuntimeVersion)
		require.Contains(t, node.Status.DeclaredFeatures, "ExtendWebSocketsToKubelet")
		require.Contains(t, node.Status.Capacity, corev1.ResourceName("example.com/device"), "what others own stays")
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady {
				require.WithinDuration(t, time.Now(), c.LastHeartbeatTime.Time, 6*time.Minute)
			}
		}
		lease, err := clientLease(w).Get(t.Context(), corev1.NamespaceNodeLease, "n1")
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), lease.Spec.RenewTime.Time, 11*time.Second)
		require.EqualValues(t, 40, *lease.Spec.LeaseDurationSeconds)
	})
}

func TestKubelet_keeps_what_others_write_into_a_status(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		p := pod("gated", container("web", "web:v1"))
		p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/gate"}}
		w.create(p)
		w.until("gated", "has ready containers", func(p *corev1.Pod) bool { return hasCondition(p, corev1.ContainersReady) })
		require.False(t, isReady(w.get("gated")))
		_, err := client.For[*corev1.Pod](w.client).ModifyStatus(t.Context(), "default", "gated", func(p *corev1.Pod) error {
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{
				Type: "example.com/gate", Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now(),
			})
			return nil
		})
		require.NoError(t, err)
		require.True(t, hasCondition(w.ready("gated"), "example.com/gate"))
	})
}
