package podgc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestChoose(t *testing.T) {
	nodes := map[string]*corev1.Node{
		"ok":  {Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}}},
		"off": {Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: corev1.TaintNodeOutOfService, Effect: corev1.TaintEffectNoExecute}}}},
		"on-but-tainted": {
			Spec:   corev1.NodeSpec{Taints: []corev1.Taint{{Key: corev1.TaintNodeOutOfService}}},
			Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}},
		},
		"silent": {},
	}
	now := metav1.Now()
	pod := func(name, node string, phase corev1.PodPhase, deleted bool, age int) *corev1.Pod {
		p := &corev1.Pod{Spec: corev1.PodSpec{NodeName: node}, Status: corev1.PodStatus{Phase: phase}}
		p.Name, p.CreationTimestamp = name, metav1.NewTime(now.Add(-time.Duration(age)*time.Hour))
		if deleted {
			p.DeletionTimestamp = &now
		}
		return p
	}
	pods := []*corev1.Pod{
		pod("running", "ok", corev1.PodRunning, false, 1),
		pod("ending", "ok", corev1.PodRunning, true, 1),
		pod("pending", "", corev1.PodPending, false, 1),
		pod("deleted-while-pending", "", corev1.PodPending, true, 1),
		pod("orphan", "gone", corev1.PodRunning, false, 1),
		pod("quarantined", "just-gone", corev1.PodRunning, false, 1),
		pod("on-off", "off", corev1.PodRunning, false, 1),
		pod("ending-on-off", "off", corev1.PodRunning, true, 1),
		pod("ending-on-tainted", "on-but-tainted", corev1.PodRunning, true, 1),
		pod("ending-on-silent", "silent", corev1.PodRunning, true, 1),
		pod("young", "ok", corev1.PodSucceeded, false, 1),
		pod("old", "ok", corev1.PodFailed, false, 3),
		pod("middle", "ok", corev1.PodSucceeded, false, 2),
	}
	var got []string
	removals := choose(pods, func(name string) *corev1.Node { return nodes[name] }, func(name string) bool { return name == "gone" }, 1)
	for _, r := range removals {
		got = append(got, fmt.Sprintf("%s: %s", r.pod.Name, r.reason))
	}
	require.Equal(t, strings.Join([]string{
		"deleted-while-pending: it was deleted before it had a node",
		"orphan: its node does not exist",
		"ending-on-off: its node is out of service",
		"old: too many pods have ended",
		"middle: too many pods have ended",
	}, "\n"), strings.Join(got, "\n"))
}
