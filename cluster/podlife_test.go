package cluster_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

func TestPod_crashLoopBacksOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var mu sync.Mutex // guards starts
		var starts []time.Time
		c := clustertest.New(t, clustertest.WithImage("crash", func(context.Context, *goroutine.Process) int {
			mu.Lock()
			defer mu.Unlock()
			starts = append(starts, time.Now())
			return 3
		}))
		c.Apply(`{apiVersion: v1, kind: Pod, metadata: {name: crash}, spec: {containers: [{name: a, image: crash}]}}`)
		c.WaitFor("CrashLoopBackOff", func() bool {
			s := pod(c, "crash").Status.ContainerStatuses
			return len(s) == 1 && s[0].State.Waiting != nil && s[0].State.Waiting.Reason == "CrashLoopBackOff"
		})
		status := pod(c, "crash").Status
		require.Equal(t, corev1.PodRunning, status.Phase)
		require.EqualValues(t, 3, status.ContainerStatuses[0].LastTerminationState.Terminated.ExitCode)

		time.Sleep(20 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		var gaps []time.Duration
		for i := range starts[1:] {
			gaps = append(gaps, starts[i+1].Sub(starts[i]).Round(5*time.Second))
		}
		s := time.Second
		require.Equal(t, []time.Duration{0, 10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 300 * s, 300 * s}, gaps[:8])
	})
}

func TestPod_restartsUntilItSucceeds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var runs atomic.Int32
		c := clustertest.New(t,
			clustertest.WithImage("flaky", func(_ context.Context, p *goroutine.Process) int {
				p.Logf("run %d", runs.Add(1))
				if runs.Load() < 3 {
					return 1
				}
				return 0
			}),
			clustertest.WithImage("fails", func(context.Context, *goroutine.Process) int { return 7 }))
		c.Apply(`
{apiVersion: v1, kind: Pod, metadata: {name: job}, spec: {restartPolicy: OnFailure, containers: [{name: a, image: flaky}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: once}, spec: {restartPolicy: Never, containers: [{name: a, image: fails}]}}`)
		waitPhase(c, "job", corev1.PodSucceeded)
		waitPhase(c, "once", corev1.PodFailed)
		require.EqualValues(t, 2, pod(c, "job").Status.ContainerStatuses[0].RestartCount)
		require.Equal(t, "run 3\n", c.Logs("default", "job", "a"))
		require.EqualValues(t, 7, pod(c, "once").Status.ContainerStatuses[0].State.Terminated.ExitCode)
	})
}

func TestPod_endsGracefully(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var finished, killed atomic.Int32
		c := clustertest.New(t,
			clustertest.WithImage("polite", func(_ context.Context, p *goroutine.Process) int {
				<-p.Stopping()
				time.Sleep(5 * time.Second) // the work that is under way
				finished.Add(1)
				return 0
			}),
			clustertest.WithImage("deaf", func(ctx context.Context, _ *goroutine.Process) int {
				<-ctx.Done()
				killed.Add(1)
				return 0
			}))
		c.Apply(`
{apiVersion: v1, kind: Pod, metadata: {name: polite}, spec: {terminationGracePeriodSeconds: 60, containers: [{name: a, image: polite}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: deaf}, spec: {terminationGracePeriodSeconds: 20, containers: [{name: a, image: deaf}]}}`)
		for _, name := range []string{"polite", "deaf"} {
			waitPhase(c, name, corev1.PodRunning)
		}
		start := time.Now()
		pods := clustertest.For[*corev1.Pod](c)
		for _, name := range []string{"polite", "deaf"} {
			require.NoError(t, pods.Delete(t.Context(), "default", name))
		}
		gone := func(name string) func() bool {
			return func() bool {
				_, err := pods.Get(t.Context(), "default", name)
				return apierrors.IsNotFound(err)
			}
		}
		c.WaitFor("the polite pod to go", gone("polite"))
		require.InDelta(t, 5, time.Since(start).Seconds(), 2)
		require.EqualValues(t, 1, finished.Load())
		require.Zero(t, killed.Load())
		c.WaitFor("the deaf pod to be killed", gone("deaf"))
		require.InDelta(t, 20, time.Since(start).Seconds(), 3)
		require.EqualValues(t, 1, killed.Load())
	})
}
