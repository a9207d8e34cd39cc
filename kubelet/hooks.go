package kubelet

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/kubelet/probe"
)

// runHook runs a lifecycle hook and waits for it. See
// https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/.
func (k *Kubelet) runHook(ctx context.Context, pod *corev1.Pod, c *corev1.Container, id string, hook *corev1.LifecycleHandler) error {
	switch {
	case hook.Exec != nil:
		code, output, err := k.exec(ctx, id, hook.Exec.Command, 0)
		if err == nil && code != 0 {
			err = fmt.Errorf("command %q exited with %d: %s", hook.Exec.Command, code, output)
		}
		return err
	case hook.HTTPGet != nil:
		target := probe.Target{ContainerID: id, IP: pod.Status.PodIP, Container: c}
		code, body, err := probe.Get(ctx, k.cfg.Dial, target, hook.HTTPGet)
		if err == nil && (code < 200 || code >= 400) {
			err = fmt.Errorf("HTTP hook was answered with %d: %s", code, body)
		}
		return err
	case hook.Sleep != nil:
		timer := time.NewTimer(time.Duration(hook.Sleep.Seconds) * time.Second)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("a hook of this kind is not supported by this kubelet")
}

// exec runs a command in a container. A limit of zero is none but ctx's.
func (k *Kubelet) exec(ctx context.Context, id string, command []string, limit time.Duration) (int, string, error) {
	answer, err := k.rt.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: id, Cmd: command, Timeout: int64(limit / time.Second)})
	if err != nil {
		return 0, "", err
	}
	return int(answer.ExitCode), string(answer.Stdout) + string(answer.Stderr), nil
}

// stopContainer ends a container within the grace period: first its preStop
// hook, then the stop signal, then it is killed. The hook counts towards the
// grace period.
func (k *Kubelet) stopContainer(ctx context.Context, pod *corev1.Pod, c *corev1.Container, id string, grace time.Duration) error {
	deadline := time.Now().Add(grace)
	if c != nil && c.Lifecycle != nil && c.Lifecycle.PreStop != nil && grace > 0 {
		hookCtx, cancel := context.WithDeadline(ctx, deadline)
		err := k.runHook(hookCtx, pod, c, id, c.Lifecycle.PreStop)
		cancel()
		if err != nil && ctx.Err() == nil {
			k.event(pod, corev1.EventTypeWarning, "FailedPreStopHook", "PreStopHook failed: %v", err)
		}
	}
	left := max(0, time.Until(deadline))
	if grace > 0 { // the signal is given a chance even after a slow hook
		left = max(left, minimumGrace)
	}
	seconds := int64((left + time.Second - 1) / time.Second)
	_, err := k.rt.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: seconds})
	return err
}

// minimumGrace is what a container has after its preStop hook took all the time
// there was.
const minimumGrace = 2 * time.Second
