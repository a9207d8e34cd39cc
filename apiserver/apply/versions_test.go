package apply_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver/apply"
)

// Who changes a field in one version takes it from who owns it in another.
func TestTracker_Update_in_another_version(t *testing.T) {
	first := kinds.Registry().Resource(autoscalingv1.SchemeGroupVersion.WithResource("horizontalpodautoscalers"))
	second := kinds.Registry().Resource(autoscalingv2.SchemeGroupVersion.WithResource("horizontalpodautoscalers"))
	inFirst, err := apply.NewTracker(first, kinds.All()...)
	require.NoError(t, err)
	inSecond, err := apply.NewTracker(second, kinds.All()...)
	require.NoError(t, err)

	made := &autoscalingv2.HorizontalPodAutoscaler{Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 3}}
	second.Default(made)
	require.NoError(t, inSecond.Update(nil, made, "", "ana"))
	require.Contains(t, string(made.ManagedFields[0].FieldsV1.GetRawBytes()), "f:metrics")

	served, err := first.Stored.From(t.Context(), made)
	require.NoError(t, err)
	changed := served.DeepCopyObject().(*autoscalingv1.HorizontalPodAutoscaler)
	changed.Spec.TargetCPUUtilizationPercentage = new(int32(10))
	require.NoError(t, inFirst.Update(served.(*autoscalingv1.HorizontalPodAutoscaler), changed, "", "bob"))
	require.Len(t, changed.ManagedFields, 2)
	require.NotContains(t, string(changed.ManagedFields[0].FieldsV1.GetRawBytes()), "f:metrics")
	require.Contains(t, string(changed.ManagedFields[0].FieldsV1.GetRawBytes()), "f:maxReplicas")
	require.JSONEq(t, `{"f:spec": {"f:targetCPUUtilizationPercentage": {}}}`, string(changed.ManagedFields[1].FieldsV1.GetRawBytes()))
}
