package kinds_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestScale(t *testing.T) {
	r := find(t, "deployments")
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "u", ResourceVersion: "7"},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
		Status:     appsv1.DeploymentStatus{Replicas: 2},
	}
	r.Scale.Set(d, 5)
	scale := r.Scale.Get(d)
	require.EqualValues(t, 5, scale.Spec.Replicas)
	require.EqualValues(t, 2, scale.Status.Replicas)
	require.Equal(t, "app=web", scale.Status.Selector)
	require.Equal(t, "7", scale.ResourceVersion)
}

func TestDeployment_AnnotationsCountAsWishes(t *testing.T) {
	changed := find(t, "deployments").GenerationChanged
	old := &appsv1.Deployment{}
	d := old.DeepCopy()
	d.Labels = map[string]string{"a": "b"}
	d.Status.Replicas = 3
	require.False(t, changed(d, old))
	d.Annotations = map[string]string{"a": "b"}
	require.True(t, changed(d, old))
}

func TestWorkload_StatusRules(t *testing.T) {
	two, one := int32(2), int32(1)
	d := &appsv1.Deployment{Status: appsv1.DeploymentStatus{
		Replicas: 1, ReadyReplicas: 1, AvailableReplicas: 2, UnavailableReplicas: -1, CollisionCount: &one,
	}}
	old := &appsv1.Deployment{Status: appsv1.DeploymentStatus{CollisionCount: &two}}
	var texts []string
	for _, err := range find(t, "deployments").ValidateStatus(d, old) {
		texts = append(texts, err.Error())
	}
	require.Equal(t, []string{
		"status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas",
		"status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas",
		"status.unavailableReplicas: Invalid value: -1: must be greater than or equal to 0",
		"status.collisionCount: Invalid value: 1: cannot be decremented",
	}, texts)

	rs := &appsv1.ReplicaSet{Status: appsv1.ReplicaSetStatus{Replicas: 3, ReadyReplicas: 2, AvailableReplicas: 2, FullyLabeledReplicas: 3}}
	require.Empty(t, find(t, "replicasets").ValidateStatus(rs, rs))
}
