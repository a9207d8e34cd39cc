package kubelet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// kubeletVersion is the version of Kubernetes that this kubelet behaves as, and
// whose it is.
const kubeletVersion = "v1.37.2+coracle"

// maxImages is how many images a node tells of, the largest first.
const maxImages = 50

// machineInfo is what a machine says of itself.
type machineInfo struct {
	MachineID, SystemUUID, BootID, Kernel, OSImage string
}

// nodeStatus is the node's status as it is now.
func (k *Kubelet) nodeStatus(ctx context.Context) corev1.NodeStatus {
	return corev1.NodeStatus{
		Capacity:    k.cfg.Capacity,
		Allocatable: k.allocatable(),
		Conditions:  k.nodeConditions(ctx),
		Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: k.cfg.NodeIP},
			{Type: corev1.NodeHostName, Address: k.cfg.NodeName},
		},
		DaemonEndpoints:  corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: k.cfg.Port}},
		NodeInfo:         k.nodeInfo(),
		Images:           k.nodeImages(ctx),
		DeclaredFeatures: []string{"ExtendWebSocketsToKubelet"},
	}
}

func (k *Kubelet) nodeInfo() corev1.NodeSystemInfo {
	m := k.machine
	k.mu.Lock()
	version := k.version
	k.mu.Unlock()
	return corev1.NodeSystemInfo{
		MachineID: m.MachineID, SystemUUID: m.SystemUUID, BootID: m.BootID,
		KernelVersion: m.Kernel, OSImage: m.OSImage,
		ContainerRuntimeVersion: version.GetRuntimeName() + "://" + version.GetRuntimeVersion(),
		KubeletVersion:          kubeletVersion,
		OperatingSystem:         operatingSystem, Architecture: architecture,
	}
}

// nodeConditions says whether the node is fit to run pods. This kubelet does
// not evict pods under pressure, so it never reports any.
func (k *Kubelet) nodeConditions(ctx context.Context) []corev1.NodeCondition {
	now := metav1.NewTime(time.Now()).Rfc3339Copy()
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type: kind, Status: status, Reason: reason, Message: message,
			LastHeartbeatTime: now, LastTransitionTime: now,
		}
	}
	ready := condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status")
	if wrong := k.runtimeTrouble(ctx); wrong != "" {
		ready = condition(corev1.NodeReady, corev1.ConditionFalse, "KubeletNotReady", wrong)
	}
	return []corev1.NodeCondition{
		condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
		condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
		condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
		ready,
	}
}

// runtimeTrouble is why the runtime cannot run pods, empty if it can.
func (k *Kubelet) runtimeTrouble(ctx context.Context) string {
	answer, err := k.rt.Status(ctx, &cri.StatusRequest{})
	if err != nil {
		return fmt.Sprintf("container runtime is down: %v", err)
	}
	var wrong []string
	for _, c := range answer.GetStatus().GetConditions() {
		if !c.Status && (c.Type == cri.RuntimeReady || c.Type == cri.NetworkReady) {
			wrong = append(wrong, strings.TrimSpace(fmt.Sprintf("container runtime: %s is false: %s %s", c.Type, c.Reason, c.Message)))
		}
	}
	return strings.Join(wrong, "; ")
}

// nodeImages are the images on the node; the scheduler prefers nodes that have
// a pod's image already.
func (k *Kubelet) nodeImages(ctx context.Context) []corev1.ContainerImage {
	answer, err := k.rt.ListImages(ctx, &cri.ListImagesRequest{})
	if err != nil {
		return nil
	}
	slices.SortFunc(answer.Images, func(a, b *cri.Image) int {
		if a.Size != b.Size {
			return int(min(max(int64(b.Size)-int64(a.Size), -1), 1))
		}
		return strings.Compare(a.Id, b.Id)
	})
	var images []corev1.ContainerImage
	for _, i := range answer.Images[:min(len(answer.Images), maxImages)] {
		names := append(slices.Clone(i.RepoDigests), i.RepoTags...)
		if len(names) > 0 {
			images = append(images, corev1.ContainerImage{Names: names, SizeBytes: int64(i.Size)})
		}
	}
	return images
}

// mergeNodeStatus puts the kubelet's part into the API server's copy. Resources
// and conditions that others have added stay, and with them what a test or a
// device plug-in has put there.
func mergeNodeStatus(theirs, ours *corev1.NodeStatus) {
	merged := *theirs.DeepCopy()
	merged.Capacity = mergeResources(theirs.Capacity, ours.Capacity)
	merged.Allocatable = mergeResources(theirs.Allocatable, ours.Allocatable)
	merged.Addresses, merged.DaemonEndpoints, merged.NodeInfo = ours.Addresses, ours.DaemonEndpoints, ours.NodeInfo
	merged.Images, merged.DeclaredFeatures = ours.Images, ours.DeclaredFeatures
	for _, c := range ours.Conditions {
		i := slices.IndexFunc(merged.Conditions, func(o corev1.NodeCondition) bool { return o.Type == c.Type })
		if i < 0 {
			merged.Conditions = append(merged.Conditions, c)
			continue
		}
		if merged.Conditions[i].Status == c.Status {
			c.LastTransitionTime = merged.Conditions[i].LastTransitionTime
		}
		merged.Conditions[i] = c
	}
	*theirs = merged
}

func mergeResources(theirs, ours corev1.ResourceList) corev1.ResourceList {
	merged := corev1.ResourceList{}
	for name, quantity := range theirs {
		merged[name] = quantity
	}
	for name, quantity := range ours {
		merged[name] = quantity
	}
	return merged
}
