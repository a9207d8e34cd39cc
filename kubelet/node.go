package kubelet

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/client"
)

// runNode registers the node and keeps its status true: it is written when it
// changed, and now and then anyway.
func (k *Kubelet) runNode(ctx context.Context) error {
	var written *corev1.NodeStatus
	var at time.Time
	podCIDR := ""
	for {
		podCIDR = k.tellPodCIDR(ctx, podCIDR)
		status := k.nodeStatus(ctx)
		if written == nil || time.Since(at) >= k.cfg.ReportInterval || !sameStatus(written, &status) {
			if err := k.writeNode(ctx, status); err == nil {
				written, at = &status, time.Now()
			} else if ctx.Err() == nil {
				k.log.Warn("write node status", "err", err)
			}
		}
		wait := k.cfg.StatusInterval
		if written == nil || !isReady(&status) {
			wait = min(wait, time.Second)
		}
		select {
		case <-time.After(wait):
		case <-k.podCIDRChanged:
		case <-ctx.Done():
			return nil
		}
	}
}

// nodeChanged is told of changes of the Node object. The range of the pods'
// addresses, which a controller writes there, is the one that matters.
func (k *Kubelet) nodeChanged(old, new *corev1.Node) {
	if new == nil || old != nil && old.Spec.PodCIDR == new.Spec.PodCIDR {
		return
	}
	select {
	case k.podCIDRChanged <- struct{}{}:
	default:
	}
}

// sameStatus compares two statuses of the node, times apart.
func sameStatus(a, b *corev1.NodeStatus) bool {
	x, y := a.DeepCopy(), b.DeepCopy()
	for _, s := range []*corev1.NodeStatus{x, y} {
		for i := range s.Conditions {
			s.Conditions[i].LastHeartbeatTime = metav1.Time{}
			s.Conditions[i].LastTransitionTime = metav1.Time{}
		}
	}
	return equality.Semantic.DeepEqual(x, y)
}

func isReady(s *corev1.NodeStatus) bool {
	for _, c := range s.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// writeNode writes the node's status, and makes the node if there is none.
func (k *Kubelet) writeNode(ctx context.Context, status corev1.NodeStatus) error {
	nodes := client.For[*corev1.Node](k.cfg.Client)
	node, err := nodes.Get(ctx, "", k.cfg.NodeName)
	if apierrors.IsNotFound(err) {
		node, err = nodes.Create(ctx, k.newNode())
		if apierrors.IsAlreadyExists(err) {
			node, err = nodes.Get(ctx, "", k.cfg.NodeName)
		}
	}
	if err != nil {
		return err
	}
	if !hasAll(node.Labels, k.labels()) {
		if _, err := nodes.Modify(ctx, "", node.Name, k.setLabels); err != nil {
			return err
		}
	}
	_, err = nodes.ModifyStatus(ctx, "", k.cfg.NodeName, func(live *corev1.Node) error {
		mergeNodeStatus(&live.Status, &status)
		return nil
	})
	return err
}

func (k *Kubelet) newNode() *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: k.cfg.NodeName, Labels: k.labels()},
		Spec:       corev1.NodeSpec{Taints: k.cfg.Taints, PodCIDR: k.cfg.PodCIDR, PodCIDRs: nonEmpty(k.cfg.PodCIDR)},
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (k *Kubelet) labels() map[string]string {
	labels := map[string]string{
		corev1.LabelHostname:   k.cfg.NodeName,
		corev1.LabelOSStable:   operatingSystem,
		corev1.LabelArchStable: architecture,
	}
	for key, value := range k.cfg.Labels {
		labels[key] = value
	}
	return labels
}

func hasAll(have, want map[string]string) bool {
	for key, value := range want {
		if got, ok := have[key]; !ok || got != value {
			return false
		}
	}
	return true
}

func (k *Kubelet) setLabels(node *corev1.Node) error {
	if node.Labels == nil {
		node.Labels = map[string]string{}
	}
	for key, value := range k.labels() {
		node.Labels[key] = value
	}
	return nil
}

// tellPodCIDR tells the runtime the range of the pods' addresses when it
// changed, and returns what the runtime knows.
func (k *Kubelet) tellPodCIDR(ctx context.Context, known string) string {
	cidr := k.cfg.PodCIDR
	if node, ok := k.nodes.Get("", k.cfg.NodeName); cidr == "" && ok {
		cidr = node.Spec.PodCIDR
	}
	if cidr == "" || cidr == known {
		return known
	}
	_, err := k.rt.UpdateRuntimeConfig(ctx, &cri.UpdateRuntimeConfigRequest{
		RuntimeConfig: &cri.RuntimeConfig{NetworkConfig: &cri.NetworkConfig{PodCidr: cidr}},
	})
	if err != nil {
		if ctx.Err() == nil {
			k.log.Warn("tell runtime the pod CIDR", "err", err)
		}
		return known
	}
	return cidr
}
