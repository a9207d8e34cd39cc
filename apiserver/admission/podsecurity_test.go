package admission_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

// labelled returns a namespace with labels of pod security.
func labelled(name string, labels ...string) *corev1.Namespace {
	ns := namespace(name)
	ns.Labels = map[string]string{}
	for _, l := range labels {
		key, value, _ := strings.Cut(l, "=")
		ns.Labels["pod-security.kubernetes.io/"+key] = value
	}
	return ns
}

// judge asks one hook about a write and returns its warnings.
func judge(t *testing.T, hook apiserver.Hook, subresource string, obj, old api.Object) ([]string, error) {
	t.Helper()
	gvk, err := api.KindOf(obj)
	require.NoError(t, err)
	var warnings []string
	op := apiserver.Create
	if old != nil {
		op = apiserver.Update
	}
	err = hook.Validate(t.Context(), &apiserver.Admission{
		Operation: op, Resource: kinds.Registry().ForKind(gvk), Subresource: subresource, Namespace: obj.GetNamespace(), Name: obj.GetName(),
		User: &apiserver.User{Name: "alice"}, Object: obj, Old: old, Warn: func(text string) { warnings = append(warnings, text) },
		Annotate: func(key, value string) { warnings = append(warnings, key+": "+value) },
	})
	return warnings, err
}

func privileged(p *corev1.Pod) {
	yes := true
	p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes}
}

func TestPodSecurity(t *testing.T) {
	restrictive := `would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "app" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "app" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "app" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`
	for name, test := range map[string]struct {
		labels []string
		pod    *corev1.Pod
		err    string
		warn   string
		noted  string
	}{
		"no labels":                     {nil, newPod(privileged), "", "", "pod-security.kubernetes.io/enforce-policy: privileged:latest"},
		"privileged":                    {[]string{"enforce=privileged"}, newPod(privileged), "", "", "pod-security.kubernetes.io/enforce-policy: privileged:latest"},
		"baseline and a good pod":       {[]string{"enforce=baseline"}, newPod(), "", "", "pod-security.kubernetes.io/enforce-policy: baseline:latest"},
		"baseline and a privileged pod": {[]string{"enforce=baseline"}, newPod(privileged), `pods "web" is forbidden: violates PodSecurity "baseline:latest": privileged (container "app" must not set securityContext.privileged=true)`, "", "pod-security.kubernetes.io/enforce-policy: baseline:latest"},
		"of a version": {[]string{"enforce=baseline", "enforce-version=v1.25"}, newPod(privileged),
			`pods "web" is forbidden: violates PodSecurity "baseline:v1.25": privileged (container "app" must not set securityContext.privileged=true)`, "", "pod-security.kubernetes.io/enforce-policy: baseline:v1.25"},
		"warn alone": {[]string{"warn=restricted"}, newPod(), "", restrictive, "pod-security.kubernetes.io/enforce-policy: privileged:latest"},
		"enforce and warn": {[]string{"enforce=baseline", "warn=restricted"}, newPod(privileged),
			`pods "web" is forbidden: violates PodSecurity "baseline:latest": privileged (container "app" must not set securityContext.privileged=true)`, "", "pod-security.kubernetes.io/enforce-policy: baseline:latest"},
		"audit alone": {[]string{"audit=baseline"}, newPod(privileged), "", "",
			"pod-security.kubernetes.io/audit-violations: would violate PodSecurity \"baseline:latest\": privileged (container \"app\" must not set securityContext.privileged=true)\n" +
				"pod-security.kubernetes.io/enforce-policy: privileged:latest"},
	} {
		hook := admission.NewPodSecurity(typedtest.New(labelled("shop", test.labels...)))
		warnings, err := judge(t, hook, "", test.pod, nil)
		if test.err != "" {
			require.EqualError(t, err, test.err, name)
			require.True(t, apierrors.IsForbidden(err), name)
		} else {
			require.NoError(t, err, name)
		}
		var told, noted []string
		for _, text := range warnings {
			if strings.HasPrefix(text, "pod-security.kubernetes.io/") {
				noted = append(noted, text)
			} else {
				told = append(told, text)
			}
		}
		slices.Sort(noted)
		require.Equal(t, test.warn, strings.Join(told, "\n"), name)
		require.Equal(t, test.noted, strings.Join(noted, "\n"), name)
	}
}

func TestPodSecurity_updates(t *testing.T) {
	hook := admission.NewPodSecurity(typedtest.New(labelled("shop", "enforce=baseline")))
	old := newPod(privileged)
	labelled := newPod(privileged, func(p *corev1.Pod) { p.Labels = map[string]string{"a": "b"} })
	_, err := judge(t, hook, "", labelled, old)
	require.NoError(t, err, "a pod from before the label can be changed")
	_, err = judge(t, hook, "", newPod(privileged, func(p *corev1.Pod) { p.Spec.Containers[0].Image = "other" }), old)
	require.Error(t, err, "but not be made to run something else")
	_, err = judge(t, hook, "status", newPod(privileged, func(p *corev1.Pod) { p.Spec.Containers[0].Image = "other" }), old)
	require.NoError(t, err, "a status changes nothing of this")
	_, err = judge(t, hook, "ephemeralcontainers", newPod(privileged, func(p *corev1.Pod) {
		p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug"}}}
	}), old)
	require.Error(t, err, "nor to run something more")
}

func TestPodSecurity_templates(t *testing.T) {
	hook := admission.NewPodSecurity(typedtest.New(labelled("shop", "enforce=baseline")))
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	deployment.Spec.Template.Spec = newPod(privileged).Spec
	warnings, err := judge(t, hook, "", deployment, nil)
	require.NoError(t, err, "the pods will be refused, not the deployment")
	require.Equal(t, []string{`would violate PodSecurity "baseline:latest": privileged (container "app" must not set securityContext.privileged=true)`}, warnings)
}

func TestPodSecurity_namespaces(t *testing.T) {
	var objs []api.Object
	for i := range 3 {
		p := newPod(privileged)
		p.Name = fmt.Sprintf("web-%d", i)
		objs = append(objs, p)
	}
	lone := newPod(func(p *corev1.Pod) { p.Name, p.Spec.HostNetwork = "lone", true })
	hook := admission.NewPodSecurity(typedtest.New(append(objs, lone, newPod(func(p *corev1.Pod) { p.Name = "good" }))...))

	_, err := judge(t, hook, "", labelled("shop", "enforce=strict"), nil)
	require.True(t, apierrors.IsInvalid(err), "%v", err)
	require.ErrorContains(t, err, `Namespace "shop" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted`)
	_, err = judge(t, hook, "", labelled("shop", "enforce=strict", "x=y"), labelled("shop", "enforce=strict"))
	require.NoError(t, err, "who changes something else is not to blame for it")

	warnings, err := judge(t, hook, "", labelled("shop", "enforce=baseline"), labelled("shop"))
	require.NoError(t, err)
	require.Equal(t, []string{
		`existing pods in namespace "shop" violate the new PodSecurity enforce level "baseline:latest"`,
		`lone: host namespaces`,
		`web-0 (and 2 other pods): privileged`,
	}, warnings)
	warnings, err = judge(t, hook, "", labelled("shop", "enforce=privileged"), labelled("shop", "enforce=baseline"))
	require.NoError(t, err)
	require.Empty(t, warnings)
}
