package kubelet

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
)

// createSandbox makes a pod's sandbox, and ends the one it replaces.
func (k *Kubelet) createSandbox(ctx context.Context, pod *corev1.Pod, attempt int, replaces string) error {
	if replaces != "" {
		if _, err := k.rt.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: replaces}); err != nil {
			return fmt.Errorf("stop old sandbox: %w", err)
		}
	}
	config := k.sandboxConfig(pod, attempt)
	if err := os.MkdirAll(config.LogDirectory, 0o755); err != nil {
		return fmt.Errorf("make log folder: %w", err)
	}
	_, err := k.rt.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: config})
	return err
}

// logDir is the folder of a pod's logs.
func (k *Kubelet) logDir(pod *corev1.Pod) string {
	return filepath.Join(k.cfg.LogDir, fmt.Sprintf("%s_%s_%s", pod.Namespace, pod.Name, pod.UID))
}

func (k *Kubelet) sandboxConfig(pod *corev1.Pod, attempt int) *cri.PodSandboxConfig {
	labels := maps.Clone(pod.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, podLabels(pod))
	config := &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{
			Name: pod.Name, Namespace: pod.Namespace, Uid: string(pod.UID), Attempt: uint32(attempt),
		},
		LogDirectory: k.logDir(pod),
		DnsConfig:    k.dnsConfig(pod),
		Labels:       labels,
		Annotations:  maps.Clone(pod.Annotations),
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent:    k.cgroupParent(pod),
			SecurityContext: sandboxSecurity(pod),
			Sysctls:         sysctls(pod),
			Resources:       cgroupResources(podRequests(pod), podLimits(pod)),
			Overhead:        cgroupResources(pod.Spec.Overhead, pod.Spec.Overhead),
		},
	}
	if pod.Spec.HostNetwork {
		return config // its hostname and ports are the node's
	}
	hostname, domain := k.hostname(pod)
	if fqdn := pod.Spec.SetHostnameAsFQDN; fqdn != nil && *fqdn && domain != "" {
		hostname += "." + domain
	}
	config.Hostname = hostname
	config.PortMappings = portMappings(pod)
	return config
}

func portMappings(pod *corev1.Pod) []*cri.PortMapping {
	var mappings []*cri.PortMapping
	add := func(c *corev1.Container) {
		for _, p := range c.Ports {
			mappings = append(mappings, &cri.PortMapping{
				Protocol:      cri.Protocol(cri.Protocol_value[string(p.Protocol)]),
				ContainerPort: p.ContainerPort, HostPort: p.HostPort, HostIp: p.HostIP,
			})
		}
	}
	for i := range pod.Spec.InitContainers {
		if policy := pod.Spec.InitContainers[i].RestartPolicy; policy != nil && *policy == corev1.ContainerRestartPolicyAlways {
			add(&pod.Spec.InitContainers[i])
		}
	}
	for i := range pod.Spec.Containers {
		add(&pod.Spec.Containers[i])
	}
	return mappings
}

// cgroupParent is the pod's cgroup:
//
//	<root>/kubepods/pod<uid>              guaranteed
//	<root>/kubepods/burstable/pod<uid>
//	<root>/kubepods/besteffort/pod<uid>
func (k *Kubelet) cgroupParent(pod *corev1.Pod) string {
	if k.cfg.CgroupRoot == "" {
		return ""
	}
	class := ""
	switch kinds.QOSClass(&pod.Spec) {
	case corev1.PodQOSBurstable:
		class = "burstable"
	case corev1.PodQOSBestEffort:
		class = "besteffort"
	}
	return path.Join("/", k.cfg.CgroupRoot, "kubepods", class, "pod"+string(pod.UID))
}

func sysctls(pod *corev1.Pod) map[string]string {
	if pod.Spec.SecurityContext == nil {
		return nil
	}
	values := map[string]string{}
	for _, s := range pod.Spec.SecurityContext.Sysctls {
		values[s.Name] = s.Value
	}
	return values
}
