package namespace

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestJudge(t *testing.T) {
	const (
		discovery  = corev1.NamespaceDeletionDiscoveryFailure
		content    = corev1.NamespaceDeletionContentFailure
		remaining  = corev1.NamespaceContentRemaining
		finalizers = corev1.NamespaceFinalizersRemaining
	)
	for _, test := range []struct {
		name      string
		discovery error
		findings  []finding
		trouble   map[corev1.NamespaceConditionType]string
		empty     bool
	}{
		{name: "nothing is left", findings: []finding{{resource: "pods"}}, empty: true},
		{
			name: "pods are ending", findings: []finding{{resource: "pods", remaining: 2}},
			trouble: map[corev1.NamespaceConditionType]string{remaining: "Some resources are remaining: pods has 2 resource instances"},
		},
		{
			name: "finalizers hold things", findings: []finding{
				{resource: "b", remaining: 2, finalizers: map[string]int{"y": 1, "x": 1}},
				{resource: "a", remaining: 1, finalizers: map[string]int{"y": 1}},
			},
			trouble: map[corev1.NamespaceConditionType]string{
				remaining:  "Some resources are remaining: a has 1 resource instances, b has 2 resource instances",
				finalizers: "Some content in the namespace has finalizers remaining: x in 1 resource instances, y in 2 resource instances",
			},
		},
		{
			name: "a deletion failed", findings: []finding{{resource: "a", err: errors.New("refused")}},
			trouble: map[corev1.NamespaceConditionType]string{content: "Failed to delete all resource types: a: refused"},
		},
		{
			name: "an aggregated API is down", discovery: errors.New("metrics: 503"),
			trouble: map[corev1.NamespaceConditionType]string{discovery: "Discovery failed for some groups: metrics: 503"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			conditions, empty := judge(test.discovery, test.findings)
			require.Equal(t, test.empty, empty)
			require.Len(t, conditions, 5)
			trouble := map[corev1.NamespaceConditionType]string{}
			for _, c := range conditions {
				require.NotEmpty(t, c.Reason)
				if c.Status == corev1.ConditionTrue {
					trouble[c.Type] = c.Message
				}
			}
			if test.trouble == nil {
				test.trouble = map[corev1.NamespaceConditionType]string{}
			}
			require.Equal(t, test.trouble, trouble)
		})
	}
}

func TestMerge_KeepsTheTimeOfWhatDidNotChange(t *testing.T) {
	before, now := metav1.NewTime(time.Unix(100, 0)), metav1.NewTime(time.Unix(200, 0))
	have := []corev1.NamespaceCondition{
		{Type: "mine", Status: "True", LastTransitionTime: before},
		{Type: "a", Status: "True", Message: "old", LastTransitionTime: before},
		{Type: "b", Status: "True", LastTransitionTime: before},
	}
	want := []corev1.NamespaceCondition{{Type: "a", Status: "True", Message: "new"}, {Type: "b", Status: "False"}, {Type: "c", Status: "True"}}
	require.Equal(t, []corev1.NamespaceCondition{
		{Type: "mine", Status: "True", LastTransitionTime: before},
		{Type: "a", Status: "True", Message: "new", LastTransitionTime: before},
		{Type: "b", Status: "False", LastTransitionTime: now},
		{Type: "c", Status: "True", LastTransitionTime: now},
	}, merge(have, want, now))
}
