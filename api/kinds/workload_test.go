package kinds_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
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
		"status.unavailableReplicas: Invalid value: -1: must be greater than or equal to 0",
		"status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas",
		"status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas",
		"status.collisionCount: Invalid value: 1: cannot be decremented",
	}, texts)

	rs := &appsv1.ReplicaSet{Status: appsv1.ReplicaSetStatus{Replicas: 3, ReadyReplicas: 2, AvailableReplicas: 2, FullyLabeledReplicas: 3}}
	require.Empty(t, find(t, "replicasets").ValidateStatus(rs, rs))

	// A count that is left out is none, and no panic.
	job := &batchv1.Job{Status: batchv1.JobStatus{Active: -1}}
	require.ErrorContains(t, find(t, "jobs").ValidateStatus(job, &batchv1.Job{}).ToAggregate(), "status.active: Invalid value: -1")

	scaler := &autoscalingv2.HorizontalPodAutoscaler{Status: autoscalingv2.HorizontalPodAutoscalerStatus{DesiredReplicas: -1}}
	require.ErrorContains(t, find(t, "horizontalpodautoscalers").ValidateStatus(scaler, scaler).ToAggregate(), "status.desiredReplicas: Invalid value: -1")
}

func TestService_StatusRules(t *testing.T) {
	vip := corev1.LoadBalancerIPModeVIP
	for want, points := range map[string][]corev1.LoadBalancerIngress{
		"":                              {{IP: "192.0.2.1", IPMode: &vip}, {Hostname: "a.example"}},
		"[0].ip: Invalid value: \"x\"":  {{IP: "x", IPMode: &vip}},
		"[0].ipMode: Required value":    {{IP: "192.0.2.1"}},
		"[0].ipMode: Forbidden":         {{Hostname: "a.example", IPMode: &vip}},
		"[0].ipMode: Unsupported value": {{IP: "192.0.2.1", IPMode: new(corev1.LoadBalancerIPMode("Strange"))}},
		"a DNS name, not an IP address": {{Hostname: "192.0.2.1"}},
	} {
		s := &corev1.Service{
			Spec:   corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer},
			Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: points}},
		}
		errs := find(t, "services").ValidateStatus(s, &corev1.Service{})
		if want == "" {
			require.Empty(t, errs)
			continue
		}
		require.ErrorContains(t, errs.ToAggregate(), want)
		s.Spec.Type = corev1.ServiceTypeNodePort
		require.ErrorContains(t, find(t, "services").ValidateStatus(s, s).ToAggregate(), "may only be used when `spec.type` is 'LoadBalancer'")
	}
}
