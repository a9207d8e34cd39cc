package kubelet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/kubelet/env"
	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// startContainer takes a container from its image to the end of its postStart
// hook. The error is a [*startError] that says how far it came.
func (k *Kubelet) startContainer(ctx context.Context, pod *corev1.Pod, c *corev1.Container, sandboxID string, attempt int) error {
	sandbox := k.sandboxConfig(pod, 0)
	image, err := k.ensureImage(ctx, pod, c, sandbox)
	if err != nil {
		return err
	}
	config, err := k.containerConfig(ctx, pod, c, image, attempt)
	if err != nil {
		return k.startFailed(pod, podsync.ReasonCreateConfigError, err)
	}
	created, err := k.rt.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: sandboxID, Config: config, SandboxConfig: sandbox})
	if err != nil {
		return k.startFailed(pod, podsync.ReasonCreateContainerError, err)
	}
	k.event(pod, corev1.EventTypeNormal, "Created", "Container created: %s", c.Name)
	id := created.ContainerId
	if _, err := k.rt.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: id}); err != nil {
		return k.startFailed(pod, podsync.ReasonRunContainerError, err)
	}
	k.event(pod, corev1.EventTypeNormal, "Started", "Container started: %s", c.Name)
	if c.Lifecycle != nil && c.Lifecycle.PostStart != nil {
		if err := k.runHook(ctx, pod, c, id, c.Lifecycle.PostStart); err != nil {
			k.event(pod, corev1.EventTypeWarning, "FailedPostStartHook", "PostStartHook failed: %v", err)
			_, stopErr := k.rt.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: graceSeconds(pod)})
			return &startError{podsync.ReasonPostStartHookError, errors.Join(err, stopErr)}
		}
	}
	return nil
}

func (k *Kubelet) startFailed(pod *corev1.Pod, reason string, err error) error {
	k.event(pod, corev1.EventTypeWarning, "Failed", "Error: %v", err)
	return &startError{reason, err}
}

func graceSeconds(pod *corev1.Pod) int64 {
	if s := pod.Spec.TerminationGracePeriodSeconds; s != nil {
		return *s
	}
	return corev1.DefaultTerminationGracePeriodSeconds
}

// containerConfig is what the runtime makes a container from.
func (k *Kubelet) containerConfig(ctx context.Context, pod *corev1.Pod, c *corev1.Container, image *cri.Image, attempt int) (*cri.ContainerConfig, error) {
	vars, err := env.Container(k.envInputs(ctx, pod, c))
	if err != nil {
		return nil, err
	}
	security, err := containerSecurity(pod, c, image)
	if err != nil {
		return nil, err
	}
	if target := targetOf(pod, c.Name); target != "" {
		if err := k.lookInto(ctx, pod, target, security.NamespaceOptions); err != nil {
			return nil, err
		}
	}
	mounts, err := k.mounts(ctx, pod, c, vars, attempt)
	if err != nil {
		return nil, err
	}
	config := &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: c.Name, Attempt: uint32(attempt)},
		Image:    &cri.ImageSpec{Image: c.Image, UserSpecifiedImage: c.Image},
		Command:  env.ExpandAll(c.Command, vars), Args: env.ExpandAll(c.Args, vars),
		WorkingDir:  c.WorkingDir,
		Mounts:      mounts,
		Labels:      podLabels(pod),
		Annotations: map[string]string{annotationHash: podsync.Hash(c)},
		LogPath:     path.Join(c.Name, strconv.Itoa(attempt)+".log"),
		Stdin:       c.Stdin, StdinOnce: c.StdinOnce, Tty: c.TTY,
		Linux: &cri.LinuxContainerConfig{Resources: k.linuxResources(pod, c), SecurityContext: security},
	}
	maps.Copy(config.Labels, map[string]string{labelContainerName: c.Name})
	for _, v := range vars {
		config.Envs = append(config.Envs, &cri.KeyValue{Key: v.Name, Value: []byte(v.Value)})
	}
	if c.Lifecycle != nil && c.Lifecycle.StopSignal != nil {
		config.StopSignal = cri.Signal(cri.Signal_value["SIGNAL_"+string(*c.Lifecycle.StopSignal)])
	}
	return config, os.MkdirAll(filepath.Join(k.logDir(pod), c.Name), 0o755)
}

func (k *Kubelet) envInputs(ctx context.Context, pod *corev1.Pod, c *corev1.Container) env.Inputs {
	services := k.services.List(pod.Namespace, labels.Everything())
	if pod.Namespace != "default" {
		services = append(services, k.services.List("default", labels.Everything())...)
	}
	return env.Inputs{
		Pod: pod, Container: c, Services: services, Allocatable: k.allocatable(),
		ConfigMap: func(name string) (*corev1.ConfigMap, error) { return k.configMaps.Get(ctx, pod.Namespace, name) },
		Secret:    func(name string) (*corev1.Secret, error) { return k.secrets.Get(ctx, pod.Namespace, name) },
	}
}

// mounts are the container's volumes, its hosts file and its file for the
// termination message.
func (k *Kubelet) mounts(ctx context.Context, pod *corev1.Pod, c *corev1.Container, vars []env.Var, attempt int) ([]*cri.Mount, error) {
	mounts, err := k.volumes.Mounts(ctx, pod, c, func(text string) (string, error) { return expandStrictly(text, vars) })
	if err != nil {
		return nil, err
	}
	taken := map[string]bool{}
	for _, m := range mounts {
		taken[path.Clean(m.ContainerPath)] = true
	}
	if !taken["/etc/hosts"] {
		file := filepath.Join(k.volumes.PodDir(pod.UID), "etc-hosts")
		if err := os.WriteFile(file, []byte(k.hostsFile(pod)), 0o644); err != nil {
			return nil, fmt.Errorf("write hosts file: %w", err)
		}
		mounts = append(mounts, &cri.Mount{ContainerPath: "/etc/hosts", HostPath: file})
	}
	if target := c.TerminationMessagePath; target != "" && !taken[path.Clean(target)] {
		file, err := k.makeMessageFile(pod, c.Name, attempt)
		if err != nil {
			return nil, err
		}
		mounts = append(mounts, &cri.Mount{ContainerPath: target, HostPath: file})
	}
	return mounts, nil
}

// expandStrictly is [env.Expand] that fails for names which are not there.
func expandStrictly(text string, vars []env.Var) (string, error) {
	var missing error
	out := env.Expand(text, func(name string) (string, bool) {
		for _, v := range vars {
			if v.Name == name {
				return v.Value, true
			}
		}
		missing = fmt.Errorf("there is no environment variable %q", name)
		return "", false
	})
	return out, missing
}
