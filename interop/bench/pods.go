package main

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// groups is among how many applications the pods are divided; a list with a
// selector is of one of them.
const groups = 100

func podName(i int64) string { return fmt.Sprintf("web-%05d", i) }

// pod is one as a Deployment makes it, on a node already.
func pod(i int64) *corev1.Pod {
	app := fmt.Sprintf("web-%02d", i%groups)
	controller := true
	probe := &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(8080)}},
		PeriodSeconds: 10,
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: podName(i), Namespace: namespace,
			Labels:      map[string]string{"app": app, "pod-template-hash": "5d4f8c7b9d"},
			Annotations: map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "ReplicaSet", Name: app + "-5d4f8c7b9d",
				UID: "0b7d4a0e-7f54-4c29-8f3f-0d1c2b3a4958", Controller: &controller, BlockOwnerDeletion: &controller,
			}},
		},
		Spec: corev1.PodSpec{
			NodeName: fmt.Sprintf("node-%03d", i%250),
			Containers: []corev1.Container{{
				Name: "web", Image: "registry.example.com/shop/web:v1.4.2",
				Args:  []string{"--listen=:8080", "--log-level=info"},
				Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
				Env: []corev1.EnvVar{
					{Name: "DATABASE", Value: "postgres://db.shop.svc:5432/shop"},
					{Name: "POD_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
				},
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
					Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
				},
				ReadinessProbe: probe, LivenessProbe: probe,
			}},
		},
	}
}

// statusPatch is what a kubelet sends when a pod runs, the n-th time. It says when
// it was sent, so that a watcher can tell how long it took.
func statusPatch(n int64) []byte {
	return fmt.Appendf(nil, `{"status":{"phase":"Running","podIP":"10.%d.%d.%d","message":"%s%019d","conditions":[`+
		`{"type":"PodScheduled","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"},`+
		`{"type":"Initialized","status":"True","lastTransitionTime":"2026-01-01T00:00:01Z"},`+
		`{"type":"ContainersReady","status":"True","lastTransitionTime":"2026-01-01T00:00:05Z"},`+
		`{"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:00:05Z"}],`+
		`"containerStatuses":[{"name":"web","ready":true,"restartCount":0,"image":"registry.example.com/shop/web:v1.4.2",`+
		`"imageID":"registry.example.com/shop/web@sha256:4bf92f3577b34da6a3ce929d0e0e4736","containerID":"containerd://%032x",`+
		`"state":{"running":{"startedAt":"2026-01-01T00:00:04Z"}}}]}}`,
		n>>16&255, n>>8&255, n&255, sentAt, time.Now().UnixNano(), n)
}

// sentAt is what stands before the time in a status's message.
const sentAt = "sent at "
