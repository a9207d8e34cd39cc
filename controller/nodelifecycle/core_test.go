package nodelifecycle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func node(ready corev1.ConditionStatus, taints ...corev1.Taint) *corev1.Node {
	return &corev1.Node{
		Spec:   corev1.NodeSpec{Taints: taints},
		Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}},
	}
}

func TestTaints_FollowTheConditions(t *testing.T) {
	theirs := corev1.Taint{Key: "example.com/theirs", Value: "x", Effect: corev1.TaintEffectNoExecute}
	unreachable := corev1.Taint{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoSchedule}
	for _, test := range []struct {
		name string
		node *corev1.Node
		want string
	}{
		{"ready", node("True", theirs), "theirs:NoExecute"},
		{"not ready", node("False", theirs), "theirs:NoExecute not-ready:NoSchedule not-ready:NoExecute"},
		{"unknown", node("Unknown"), "unreachable:NoSchedule unreachable:NoExecute"},
		{"never heard of", &corev1.Node{}, "unreachable:NoSchedule unreachable:NoExecute"},
		{"back again", node("True", unreachable, theirs), "theirs:NoExecute"},
		{"from unknown to not ready", node("False", unreachable), "not-ready:NoSchedule not-ready:NoExecute"},
	} {
		t.Run(test.name, func(t *testing.T) {
			taints := compare(test.node.Spec.Taints, wanted(test.node)).apply(test.node.Spec.Taints, metav1.Now())
			require.Equal(t, test.want, describe(taints))
			test.node.Spec.Taints = taints
			require.True(t, compare(taints, wanted(test.node)).none(), "applied once, nothing is left to do")
		})
	}

	pressed := node("True")
	pressed.Spec.Unschedulable = true
	for _, kind := range []corev1.NodeConditionType{"MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"} {
		pressed.Status.Conditions = append(pressed.Status.Conditions, corev1.NodeCondition{Type: kind, Status: "True"})
	}
	require.Equal(t, "memory-pressure:NoSchedule disk-pressure:NoSchedule pid-pressure:NoSchedule network-unavailable:NoSchedule unschedulable:NoSchedule",
		describe(compare(nil, wanted(pressed)).apply(nil, metav1.Now())))

	c := compare(nil, wanted(node("Unknown")))
	require.True(t, c.evicting())
	require.Equal(t, "unreachable:NoSchedule", describe(c.gentle().apply(nil, metav1.Now())))
	require.False(t, c.gentle().evicting())
}

func describe(taints []corev1.Taint) string {
	var words []string
	for _, taint := range taints {
		words = append(words, fmt.Sprintf("%s:%s", taint.Key[strings.Index(taint.Key, "/")+1:], taint.Effect))
	}
	return strings.Join(words, " ")
}

func TestEvictAt(t *testing.T) {
	start := time.Unix(1000, 0)
	since := func(taint corev1.Taint) time.Time { return taint.TimeAdded.Time }
	taint := func(key, value string, after time.Duration) corev1.Taint {
		added := metav1.NewTime(start.Add(after))
		return corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffectNoExecute, TimeAdded: &added}
	}
	seconds := func(s int64) *int64 { return &s }
	tolerate := func(key, value string, s *int64) corev1.Toleration {
		return corev1.Toleration{Key: key, Value: value, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: s}
	}
	everything := corev1.Toleration{Operator: corev1.TolerationOpExists}
	for _, test := range []struct {
		name        string
		tolerations []corev1.Toleration
		taints      []corev1.Taint
		want        int // seconds after start; -1 never
	}{
		{"no taint", nil, nil, -1},
		{"no toleration", nil, []corev1.Taint{taint("a", "", 0)}, 0},
		{"for ever", []corev1.Toleration{tolerate("a", "", nil)}, []corev1.Taint{taint("a", "", 0)}, -1},
		{"everything for ever", []corev1.Toleration{everything}, []corev1.Taint{taint("a", "", 0), taint("b", "", 0)}, -1},
		{"for a while", []corev1.Toleration{tolerate("a", "", seconds(300))}, []corev1.Taint{taint("a", "", 10*time.Second)}, 310},
		{"not even a moment", []corev1.Toleration{tolerate("a", "", seconds(-5))}, []corev1.Taint{taint("a", "", 0)}, 0},
		{"another value", []corev1.Toleration{tolerate("a", "x", nil)}, []corev1.Taint{taint("a", "y", 0)}, 0},
		{"another effect", []corev1.Toleration{{Key: "a", Effect: corev1.TaintEffectNoSchedule}}, []corev1.Taint{taint("a", "", 0)}, 0},
		{"the shortest of two tolerations", []corev1.Toleration{tolerate("a", "", seconds(300)), tolerate("a", "", seconds(60)), everything},
			[]corev1.Taint{taint("a", "", 0)}, 60},
		{"the first of two taints", []corev1.Toleration{tolerate("a", "", seconds(300)), tolerate("b", "", seconds(60))},
			[]corev1.Taint{taint("a", "", 0), taint("b", "", 100*time.Second)}, 160},
		{"one of two taints is not tolerated", []corev1.Toleration{tolerate("a", "", nil)}, []corev1.Taint{taint("a", "", 0), taint("b", "", 5*time.Second)}, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			at, evict := evictAt(test.tolerations, test.taints, since)
			require.Equal(t, test.want >= 0, evict)
			if evict {
				require.Equal(t, start.Add(time.Duration(test.want)*time.Second), at)
			}
		})
	}
}

func TestFeel_IsNotFooledByOurOwnWriting(t *testing.T) {
	start := time.Unix(1000, 0)
	p := feel(pulse{}, sign{lease: "1", ready: "a"}, start)
	require.Equal(t, start, p.at, "new to us, so alive")
	p = feel(p, sign{lease: "1", ready: "a"}, start.Add(10*time.Second))
	require.Equal(t, start, p.at, "no sign")
	p = feel(p, sign{lease: "1"}, start.Add(40*time.Second))
	require.Equal(t, start, p.at, "we made Ready unknown")
	p = feel(p, sign{lease: "2"}, start.Add(50*time.Second))
	require.Equal(t, start.Add(50*time.Second), p.at, "the lease was renewed")
	p = feel(p, sign{lease: "2", ready: "b"}, start.Add(60*time.Second))
	require.Equal(t, start.Add(60*time.Second), p.at, "the kubelet posted")
}
