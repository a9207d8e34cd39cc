package endpointslice_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/coracle-k8s/coracle/controller/endpointslice"
)

func service() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "service"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "web"}, ClusterIP: "10.96.0.7",
			Ports: []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80, TargetPort: intstr.FromString("web")}},
		},
	}
}

// pod makes a ready pod that listens on port.
func pod(n int, port int32, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("pod-%03d", n), UID: types.UID(fmt.Sprint("uid-", n))},
		Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{
			{Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: port, Protocol: corev1.ProtocolTCP}}},
		}},
		Status: corev1.PodStatus{
			PodIP: fmt.Sprintf("10.244.%d.%d", n/200, n%200), Phase: corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func pods(from, to int) (out []*corev1.Pod) {
	for n := from; n < to; n++ {
		out = append(out, pod(n, 8080))
	}
	return out
}

func unready(p *corev1.Pod)         { p.Status.Conditions[0].Status = corev1.ConditionFalse }
func deleting(p *corev1.Pod)        { now := metav1.Now(); p.DeletionTimestamp = &now }
func n1(name string) (string, bool) { return "zone-a", name == "n1" }

func ExampleEndpoints() {
	groups := endpointslice.Endpoints(service(), []*corev1.Pod{pod(1, 8080), pod(2, 8080, unready), pod(3, 9090)}, n1)
	for _, g := range groups {
		for _, e := range g.Endpoints {
			fmt.Printf("%s:%d ready=%t\n", e.Addresses[0], *g.Ports[0].Port, *e.Conditions.Ready)
		}
	}

	// Output:
	// 10.244.0.1:8080 ready=true
	// 10.244.0.2:8080 ready=false
	// 10.244.0.3:9090 ready=true
}

func TestEndpoints_Conditions(t *testing.T) {
	for _, c := range []struct {
		name                        string
		pod                         *corev1.Pod
		publish                     bool
		ready, serving, terminating bool
	}{
		{"ready", pod(1, 80), false, true, true, false},
		{"not ready", pod(1, 80, unready), false, false, false, false},
		{"ending, still serving", pod(1, 80, deleting), false, false, true, true},
		{"ending, done serving", pod(1, 80, deleting, unready), false, false, false, true},
		{"published whatever it is", pod(1, 80, deleting, unready), true, true, false, true},
	} {
		svc := service()
		svc.Spec.PublishNotReadyAddresses = c.publish
		got := endpointslice.Endpoints(svc, []*corev1.Pod{c.pod}, n1)[0].Endpoints[0].Conditions
		require.Equal(t, discoveryv1.EndpointConditions{Ready: &c.ready, Serving: &c.serving, Terminating: &c.terminating}, got, c.name)
	}
}

func TestEndpoints_WhoIsNotBehindAService(t *testing.T) {
	none := []*corev1.Pod{
		pod(1, 80, func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }),
		pod(2, 80, func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }),
		pod(3, 80, func(p *corev1.Pod) { p.Status.PodIP = "" }),
		pod(4, 80, func(p *corev1.Pod) { p.Spec.NodeName = "gone" }),
		pod(5, 80, func(p *corev1.Pod) { p.Status.PodIP = "fd00::5" }),
	}
	require.Empty(t, endpointslice.Endpoints(service(), none, n1))
}

func TestEndpoints_NamesAndPlaces(t *testing.T) {
	svc := service()
	p := pod(1, 80, func(p *corev1.Pod) { p.Spec.Hostname, p.Spec.Subdomain = "first", "web" })
	e := endpointslice.Endpoints(svc, []*corev1.Pod{p}, n1)[0].Endpoints[0]
	require.Equal(t, "first", *e.Hostname)
	require.Equal(t, "n1", *e.NodeName)
	require.Equal(t, "zone-a", *e.Zone)
	require.Equal(t, "pod-001", e.TargetRef.Name)
	p.Spec.Containers[0].Ports = nil
	require.Empty(t, endpointslice.Endpoints(svc, []*corev1.Pod{p}, n1)[0].Ports, "a named port that the pod does not have")
}

// A keeper holds the slices of the service and applies changes to them.
type keeper struct {
	slices map[string]*discoveryv1.EndpointSlice
	next   int
}

func (k *keeper) apply(pods []*corev1.Pod) endpointslice.Change {
	var existing []*discoveryv1.EndpointSlice
	for _, s := range k.slices {
		existing = append(existing, s)
	}
	change := endpointslice.Slices(service(), endpointslice.Endpoints(service(), pods, n1), existing)
	for _, s := range change.Create {
		s.Name = fmt.Sprint("web-", k.next)
		k.next++
		k.slices[s.Name] = s
	}
	for _, s := range change.Update {
		k.slices[s.Name] = s
	}
	for _, s := range change.Delete {
		delete(k.slices, s.Name)
	}
	return change
}

func writes(c endpointslice.Change) [3]int {
	return [3]int{len(c.Create), len(c.Update), len(c.Delete)}
}

func (k *keeper) sizes() map[string]int {
	out := map[string]int{}
	for name, s := range k.slices {
		out[name] = len(s.Endpoints)
	}
	return out
}

func TestSlices_ChangeAsLittleAsPossible(t *testing.T) {
	k := &keeper{slices: map[string]*discoveryv1.EndpointSlice{}}
	require.Equal(t, [3]int{1, 0, 0}, writes(k.apply(nil)), "one slice says that there is nobody")
	require.Equal(t, [3]int{0, 0, 0}, writes(k.apply(nil)))
	k.apply(pods(0, 250))
	require.ElementsMatch(t, []int{100, 100, 50}, values(k.sizes()))
	require.Equal(t, [3]int{0, 0, 0}, writes(k.apply(pods(0, 250))), "nothing happened")
	require.Equal(t, [3]int{0, 1, 0}, writes(k.apply(pods(0, 251))), "one pod more is one slice written")
	require.Equal(t, [3]int{0, 1, 0}, writes(k.apply(pods(1, 251))), "one less too")
	require.Equal(t, [3]int{0, 1, 0}, writes(k.apply(append(pods(2, 251), pod(300, 8080)))), "the new one goes where the old one went from")
	require.Equal(t, [3]int{0, 1, 0}, writes(k.apply(append(pods(3, 251), pod(1, 8080), pod(300, 8080)))))
	k.apply(nil)
	require.Equal(t, []int{0}, values(k.sizes()))
}

func values(m map[string]int) (out []int) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func TestSlices_OfPortsAndOwners(t *testing.T) {
	k := &keeper{slices: map[string]*discoveryv1.EndpointSlice{}}
	k.apply([]*corev1.Pod{pod(1, 8080), pod(2, 9090)})
	require.Len(t, k.slices, 2, "a named port with two numbers makes two slices")
	k.apply([]*corev1.Pod{pod(1, 8080)})
	require.Len(t, k.slices, 1)

	t.Log("pods in their node's network share an address; none hides the other")
	ending := pod(1, 8080, deleting)
	fresh := pod(2, 8080, func(p *corev1.Pod) { p.Status.PodIP = ending.Status.PodIP })
	k.apply([]*corev1.Pod{ending, fresh})
	require.Equal(t, []int{2}, values(k.sizes()))

	t.Log("the slices of an earlier Service of the name are replaced")
	for _, s := range k.slices {
		s.OwnerReferences[0].UID = "earlier"
	}
	require.Equal(t, [3]int{1, 0, 1}, writes(k.apply([]*corev1.Pod{fresh})))
}

func TestSlices_Labels(t *testing.T) {
	svc := service()
	svc.Labels = map[string]string{"team": "blue"}
	svc.Spec.ClusterIP = corev1.ClusterIPNone
	change := endpointslice.Slices(svc, nil, nil)
	require.Equal(t, map[string]string{
		"team": "blue", "kubernetes.io/service-name": "web", "service.kubernetes.io/headless": "",
		"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
	}, change.Create[0].Labels)
}
