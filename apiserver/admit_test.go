package apiserver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// hooks is an option of start.
func hooks(list ...apiserver.Hook) func(*apiserver.Config) {
	return func(c *apiserver.Config) { c.Hooks = list }
}

// told collects one line for each admission that reaches validation.
type told []string

func (t *told) hook() apiserver.Hook {
	return apiserver.ValidateFunc(func(_ context.Context, a *apiserver.Admission) error {
		*t = append(*t, fmt.Sprintf("%s %s/%s %s %s/%s new=%T old=%T options=%T",
			a.Operation, a.Resource.Plural, a.Subresource, a.Kind.Kind, a.Namespace, a.Name, a.Object, a.Old, a.Options))
		return nil
	})
}

const deployment = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{
	"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
	"spec":{"containers":[{"name":"c","image":"i"}]}}}}`

func TestAdmission_WhatHooksSee(t *testing.T) {
	var seen told
	f := start(t, hooks(seen.hook()))
	deployments := "/apis/apps/v1/namespaces/default/deployments"

	f.ok("POST", deployments, deployment)
	f.ok("PATCH", deployments+"/web", `{"metadata":{"labels":{"a":"b"}}}`)
	f.ok("PATCH", deployments+"/web/scale", `{"spec":{"replicas":3}}`)
	f.ok("PATCH", deployments+"/web/status", `{"status":{"replicas":1}}`)
	f.ok("DELETE", deployments+"/web", "")
	f.configMap("one")
	f.ok("DELETE", configMaps, "")
	f.ok("POST", "/api/v1/namespaces", `{"metadata":{"name":"shop"}}`)
	f.ok("PATCH", "/api/v1/namespaces/shop", `{"metadata":{"labels":{"a":"b"}}}`)

	require.Equal(t, told{
		"CREATE deployments/ Deployment default/web new=*v1.Deployment old=<nil> options=*v1.CreateOptions",
		"UPDATE deployments/ Deployment default/web new=*v1.Deployment old=*v1.Deployment options=*v1.UpdateOptions",
		"UPDATE deployments/scale Scale default/web new=*v1.Scale old=*v1.Scale options=*v1.UpdateOptions",
		"UPDATE deployments/status Deployment default/web new=*v1.Deployment old=*v1.Deployment options=*v1.UpdateOptions",
		"DELETE deployments/ Deployment default/web new=<nil> old=*v1.Deployment options=*v1.DeleteOptions",
		"CREATE configmaps/ ConfigMap default/one new=*v1.ConfigMap old=<nil> options=*v1.CreateOptions",
		"DELETE configmaps/ ConfigMap default/one new=<nil> old=*v1.ConfigMap options=*v1.DeleteOptions",
		"CREATE namespaces/ Namespace /shop new=*v1.Namespace old=<nil> options=*v1.CreateOptions",
		"UPDATE namespaces/ Namespace shop/shop new=*v1.Namespace old=*v1.Namespace options=*v1.UpdateOptions",
	}, seen)
}

// Every way into a pod, service or node is a CONNECT that a hook can refuse.
func TestAdmission_Connect(t *testing.T) {
	refuse := apiserver.ValidateFunc(func(_ context.Context, a *apiserver.Admission) error {
		if a.Operation != apiserver.Connect {
			return nil
		}
		return fmt.Errorf("no %s: %+v", a.Kind.Kind, a.Options)
	})
	reached := connectorFunc(func(http.ResponseWriter, *http.Request, *apiserver.Connection) error { return errors.New("reached") })
	connectors := map[string]apiserver.Connector{}
	for _, name := range []string{
		"pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "nodes/proxy", "pods/log",
	} {
		connectors[name] = reached
	}
	f := start(t, hooks(refuse), func(c *apiserver.Config) { c.Connectors = connectors })
	for _, c := range []struct{ path, want string }{
		{"pods/web/exec?stdin=true&container=c&command=ls", "no PodExecOptions"},
		{"pods/web/attach?stdout=1", "no PodAttachOptions"},
		{"pods/web/portforward?ports=80", "no PodPortForwardOptions"},
		{"pods/web/proxy/a/b", "no PodProxyOptions"},
		{"services/web/proxy/", "no ServiceProxyOptions"},
	} {
		status := f.refused(http.StatusForbidden, "GET", "/api/v1/namespaces/default/"+c.path, "")
		require.Contains(t, status.text("message"), c.want)
	}
	f.refused(http.StatusForbidden, "GET", "/api/v1/nodes/n/proxy/", "")
	f.refused(http.StatusInternalServerError, "GET", "/api/v1/namespaces/default/pods/web/log", "")

	status := f.refused(http.StatusForbidden, "POST", "/api/v1/namespaces/default/pods/web/exec?container=c&command=ls&command=-l", "")
	require.Contains(t, status.text("message"), "Container:c,Command:[ls -l]")
}

// An action's object passes through admission as a create when its connector
// says so.
func TestAdmission_Action(t *testing.T) {
	var seen told
	bind := connectorFunc(func(_ http.ResponseWriter, _ *http.Request, c *apiserver.Connection) error {
		return c.Admit(&corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: "web"}})
	})
	f := start(t, hooks(seen.hook()), func(c *apiserver.Config) {
		c.Connectors = map[string]apiserver.Connector{"pods/binding": bind}
	})
	f.request("POST", "/api/v1/namespaces/default/pods/web/binding", "{}")
	require.Equal(t, told{
		"CREATE pods/binding Binding default/web new=*v1.Binding old=<nil> options=*v1.CreateOptions",
	}, seen)
}

// What hooks put in the place of an object gets its defaults, and cannot reach
// what the path may not change.
func TestAdmission_Replace(t *testing.T) {
	replace := apiserver.MutateFunc(func(_ context.Context, a *apiserver.Admission) error {
		switch obj := a.Object.(type) {
		case *appsv1.Deployment:
			changed := obj.DeepCopy()
			changed.Spec.Template.Spec.Containers = append(changed.Spec.Template.Spec.Containers,
				corev1.Container{Name: "sidecar", Image: "s"})
			changed.Status.Replicas = 7
			changed.UID = "mine"
			a.Replace(changed)
		case *autoscalingv1.Scale:
			obj.Spec.Replicas++
		}
		return nil
	})
	f := start(t, hooks(replace))
	deployments := "/apis/apps/v1/namespaces/default/deployments"

	made := f.ok("POST", deployments, deployment)
	require.Nil(t, made.at("status.replicas"))
	require.NotEqual(t, "mine", made.text("metadata.uid"))
	containers := made.at("spec.template.spec.containers").([]any)
	require.Len(t, containers, 2)
	require.Equal(t, "Always", fields(containers[1].(map[string]any)).text("imagePullPolicy"))

	scaled := f.ok("PATCH", deployments+"/web/scale", `{"spec":{"replicas":3}}`)
	require.EqualValues(t, 4, scaled.at("spec.replicas"))
}

// A hook that asks for it sees the object again after all others.
func TestAdmission_Reinvoke(t *testing.T) {
	type key struct{}
	var rounds []string
	last := apiserver.MutateFunc(func(_ context.Context, a *apiserver.Admission) error {
		rounds = append(rounds, fmt.Sprint(a.Note(key{}), a.Reinvoked()))
		a.SetNote(key{}, "seen")
		a.Reinvoke() // in the second round, in vain
		return nil
	})
	first := apiserver.MutateFunc(func(_ context.Context, a *apiserver.Admission) error {
		a.Object.SetLabels(map[string]string{"round": fmt.Sprint(a.Reinvoked())})
		return nil
	})
	f := start(t, hooks(first, last))
	made := f.configMap("one")
	require.Equal(t, "true", made.text("metadata.labels.round"))
	require.Equal(t, []string{"<nil> false", "seentrue"}, rounds)
}

// What hooks note is for the audit log; what shows of the object is there only
// where the object is.
func TestAdmission_notes_are_audited(t *testing.T) {
	noting := apiserver.MutateFunc(func(_ context.Context, a *apiserver.Admission) error {
		a.Annotate("example.com/checked", "twice")
		a.Annotate("example.com/checked", "again")
		a.AnnotateContent("example.com/patch", "all of it")
		return nil
	})
	for level, wanted := range map[auditv1.Level]string{auditv1.LevelMetadata: "", auditv1.LevelRequest: "all of it"} {
		r := at(level)
		f := start(t, audited(r), hooks(noting))
		f.configMap("noted")
		notes := r.last(t).at("annotations").(map[string]any)
		require.Equal(t, "twice", notes["example.com/checked"])
		require.Equal(t, wanted, said(notes["example.com/patch"]))
	}
}

func said(value any) string {
	text, _ := value.(string)
	return text
}
