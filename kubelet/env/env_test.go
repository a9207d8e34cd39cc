package env_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/kubelet/env"
)

func inputs(c *corev1.Container) env.Inputs {
	notFound := func(kind, name string) error {
		return apierrors.NewNotFound(schema.GroupResource{Resource: kind}, name)
	}
	return env.Inputs{
		Pod: &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "web-1", Namespace: "shop", UID: "u1", Labels: map[string]string{"b": `say "hi"`, "app": "web"}},
			Spec:       corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{*c}},
			Status:     corev1.PodStatus{PodIP: "10.0.1.4", PodIPs: []corev1.PodIP{{IP: "10.0.1.4"}, {IP: "fd00::4"}}},
		},
		Container: c,
		ConfigMap: func(name string) (*corev1.ConfigMap, error) {
			if name != "settings" {
				return nil, notFound("configmaps", name)
			}
			return &corev1.ConfigMap{Data: map[string]string{"COLOR": "blue", "odd key": "1", "bad=key": "2"}}, nil
		},
		Secret: func(name string) (*corev1.Secret, error) {
			if name != "login" {
				return nil, notFound("secrets", name)
			}
			return &corev1.Secret{Data: map[string][]byte{"user": []byte("ada")}}, nil
		},
		Allocatable: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse("8Gi")},
	}
}

func texts(vars []env.Var) []string {
	var lines []string
	for _, v := range vars {
		lines = append(lines, v.Name+"="+v.Value)
	}
	return lines
}

func TestContainer(t *testing.T) {
	optional := true
	field := func(path string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
	}
	ref := corev1.LocalObjectReference{Name: "settings"}
	absent := corev1.LocalObjectReference{Name: "absent"}
	cases := []struct {
		name string
		c    corev1.Container
		want []string
	}{
		{"values use what came before them", corev1.Container{Env: []corev1.EnvVar{
			{Name: "A", Value: "1"}, {Name: "B", Value: "$(A)-$$(A)-$(C)"}, {Name: "C", Value: "3"},
		}}, []string{"A=1", "B=1-$(A)-$(C)", "C=3"}},
		{"fields", corev1.Container{Env: []corev1.EnvVar{
			{Name: "NAME", ValueFrom: field("metadata.name")},
			{Name: "LABEL", ValueFrom: field("metadata.labels['app']")},
			{Name: "LABELS", ValueFrom: field("metadata.labels")},
			{Name: "IPS", ValueFrom: field("status.podIPs")},
		}}, []string{"IPS=10.0.1.4,fd00::4", "LABEL=web", "LABELS=app=\"web\"\nb=\"say \\\"hi\\\"\"", "NAME=web-1"}},
		{"resources", corev1.Container{
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1500m")}},
			Env: []corev1.EnvVar{
				{Name: "CPU", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.cpu"}}},
				{Name: "MILLI", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.cpu", Divisor: resource.MustParse("1m")}}},
				{Name: "MEM", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.memory", Divisor: resource.MustParse("1Mi")}}},
			},
		}, []string{"CPU=2", "MEM=8192", "MILLI=1500"}},
		{"envFrom comes before env, and drops names no process can have", corev1.Container{
			EnvFrom: []corev1.EnvFromSource{
				{Prefix: "P_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: ref}},
				{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "login"}}},
				{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: absent, Optional: &optional}},
			},
			Env: []corev1.EnvVar{{Name: "user", Value: "bob $(P_COLOR)"}},
		}, []string{"P_COLOR=blue", "P_odd key=1", "user=bob blue"}},
		{"an optional key that is absent sets nothing", corev1.Container{Env: []corev1.EnvVar{
			{Name: "X", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: ref, Key: "nope", Optional: &optional}}},
			{Name: "Y", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: absent, Key: "k", Optional: &optional}}},
		}}, nil},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			got, err := env.Container(inputs(&test.c))
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(test.want, texts(got)))
		})
	}
}

func TestContainer_refuses_what_is_absent(t *testing.T) {
	_, err := env.Container(inputs(&corev1.Container{Env: []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{
		ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}, Key: "nope"},
	}}}}))
	require.EqualError(t, err, "environment variable X: couldn't find key nope in ConfigMap shop/settings")
	_, err = env.Container(inputs(&corev1.Container{EnvFrom: []corev1.EnvFromSource{{
		SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "absent"}},
	}}}))
	require.True(t, apierrors.IsNotFound(err), "got %v", err)
}

func TestServiceVars(t *testing.T) {
	service := func(namespace, name, ip string) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Spec:       corev1.ServiceSpec{ClusterIP: ip, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
		}
	}
	services := []*corev1.Service{
		service("default", "kubernetes", "10.96.0.1"), service("shop", "my-db", "10.96.0.9"),
		service("shop", "headless", "None"), service("other", "hidden", "10.96.0.8"),
	}
	vars := env.ServiceVars(services, "shop", nil)
	require.Equal(t, "10.96.0.9", vars["MY_DB_SERVICE_HOST"])
	require.Equal(t, "80", vars["MY_DB_SERVICE_PORT_HTTP"])
	require.Equal(t, "tcp://10.96.0.9:80", vars["MY_DB_PORT_80_TCP"])
	require.Equal(t, "10.96.0.1", vars["KUBERNETES_SERVICE_HOST"])
	require.NotContains(t, vars, "HIDDEN_SERVICE_HOST")
	require.NotContains(t, vars, "HEADLESS_SERVICE_HOST")

	no := false
	vars = env.ServiceVars(services, "shop", &no)
	require.NotContains(t, vars, "MY_DB_SERVICE_HOST")
	require.Contains(t, vars, "KUBERNETES_SERVICE_HOST")
}

func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"", "$", "$$", "$(", "$(A", "$(A)", "x$(B)y$$(A)$z", "$()"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		none := func(string) (string, bool) { return "", false }
		once := env.Expand(text, none)
		require.LessOrEqual(t, len(once), len(text), "without known names nothing grows")
	})
}

func ExampleExpand() {
	known := map[string]string{"HOST": "db", "PORT": "5432"}
	fmt.Println(env.Expand("$(HOST):$(PORT) costs $$5, $(UNKNOWN)", func(name string) (string, bool) {
		value, ok := known[name]
		return value, ok
	}))
	// Output: db:5432 costs $5, $(UNKNOWN)
}
