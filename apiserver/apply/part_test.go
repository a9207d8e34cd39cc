package apply

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api/kinds"
)

// To compare only the parts that differ gives the same managers as to compare all.
func TestTracker_Update_parts(t *testing.T) {
	deployments := kinds.Registry().Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"})
	tracker, err := NewTracker(deployments)
	require.NoError(t, err)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		old := deployment(r)
		require.NoError(t, tracker.Update(nil, old, "", "creator"))
		obj := deployment(r)
		obj.ManagedFields = old.ManagedFields
		whole := obj.DeepCopy()
		subresource := []string{"", "status", "scale"}[r.IntN(3)]
		require.NoError(t, tracker.Update(old, obj, subresource, "writer"))
		merged, err := tracker.managers[subresource].Update(tracker.named(old), tracker.named(whole), "writer")
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(merged.(*appsv1.Deployment).ManagedFields, obj.ManagedFields,
			cmpopts.IgnoreFields(metav1.ManagedFieldsEntry{}, "Time")), "seed %d", seed)
	}
}

// deployment makes one of a few, so that two of them have something in common.
func deployment(r *rand.Rand) *appsv1.Deployment {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	d := &appsv1.Deployment{}
	d.Name, d.UID = "web", "1"
	d.Labels = map[string]string{pick("a", "b"): pick("1", "2")}
	d.Spec.Paused = r.IntN(2) == 0
	if r.IntN(2) == 0 {
		d.Spec.Replicas = new(int32)
		d.Spec.Selector = &metav1.LabelSelector{}
	}
	for range r.IntN(3) {
		d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers,
			corev1.Container{Name: pick("x", "y", "z"), Image: pick("", "i")})
	}
	d.Status.Replicas = r.Int32N(2)
	if r.IntN(2) == 0 {
		d.Status.Conditions = []appsv1.DeploymentCondition{{Type: "Available", Reason: pick("", "r")}}
	}
	return d
}
