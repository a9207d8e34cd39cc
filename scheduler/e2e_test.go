package scheduler_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/internal/apitest"
	"github.com/coracle-k8s/coracle/scheduler"
	"github.com/coracle-k8s/coracle/scheduler/plugins"
)

// createNode creates a node that is ready, and has what its status says.
func createNode(t testing.TB, c *client.Client, node *corev1.Node) {
	t.Helper()
	status, taints := node.Status, node.Spec.Taints
	nodes := client.For[*corev1.Node](c)
	_, err := nodes.Create(t.Context(), node)
	require.NoError(t, err)
	status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	_, err = nodes.ModifyStatus(t.Context(), "", node.Name, func(n *corev1.Node) error {
		n.Status = status
		return nil
	})
	require.NoError(t, err)
	_, err = nodes.Modify(t.Context(), "", node.Name, func(n *corev1.Node) error {
		n.Spec.Taints = taints // Without that of new nodes, which says that they are not ready.
		return nil
	})
	require.NoError(t, err)
}

// A bubble is a scheduler over an API server in memory, in virtual time, with
// nobody else: nodes are ready, but pods do not run.
type bubble struct {
	*testing.T
	*client.Client
	pods  *client.Kind[*corev1.Pod]
	nodes *client.Kind[*corev1.Node]

	mu        sync.Mutex // guards the field below
	decisions []string
}

func inBubble(t *testing.T, test func(b *bubble)) {
	atRest(t, func(b *bubble) {
		apitest.Run(b, b.schedule)
		test(b)
	})
}

// atRest is inBubble without the scheduler, which the test starts.
func atRest(t *testing.T, test func(b *bubble)) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		test(&bubble{T: t, Client: c, pods: client.For[*corev1.Pod](c), nodes: client.For[*corev1.Node](c)})
	})
}

func (b *bubble) schedule(ctx context.Context) error {
	informers := client.NewInformers(b.Client)
	return scheduler.New(scheduler.Config{
		Client: b.Client, Informers: informers, Profile: plugins.Default(informers),
		Decided: func(pod *corev1.Pod, d *scheduler.Decision) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.decisions = append(b.decisions, pod.Name)
		},
	}).Run(ctx)
}

func (b *bubble) node(args ...string) {
	b.Helper()
	node, err := makeNode(args, "")
	require.NoError(b, err)
	createNode(b, b.Client, node)
}

func (b *bubble) pod(spec string, args ...string) *corev1.Pod {
	b.Helper()
	pod, err := makePod(args, spec)
	require.NoError(b, err)
	pod.UID = ""
	if pod.Spec.Priority != nil { // It is made of the class.
		pod.Spec.PriorityClassName, pod.Spec.Priority = fmt.Sprintf("p%d", *pod.Spec.Priority), nil
	}
	pod, err = b.pods.Create(b.Context(), pod)
	require.NoError(b, err)
	return pod
}

func (b *bubble) classes(values ...int32) {
	for _, v := range values {
		_, err := client.For[*schedulingv1.PriorityClass](b.Client).Create(b.Context(), &schedulingv1.PriorityClass{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("p%d", v)}, Value: v,
		})
		require.NoError(b, err)
	}
}

func (b *bubble) get(name string) *corev1.Pod {
	b.Helper()
	pod, err := b.pods.Get(b.Context(), "default", name)
	require.NoError(b, err)
	return pod
}

// on checks that a pod is on a node, or on none, after some time.
func (b *bubble) on(after time.Duration, name, node string) {
	b.Helper()
	time.Sleep(after)
	synctest.Wait()
	require.Equal(b, node, b.get(name).Spec.NodeName, b.condition(name).Message)
}

func (b *bubble) condition(name string) corev1.PodCondition {
	b.Helper()
	for _, c := range b.get(name).Status.Conditions {
		if c.Type == corev1.PodScheduled {
			return c
		}
	}
	return corev1.PodCondition{}
}

// events are the reasons and messages of a pod's events.
func (b *bubble) events(name string) string {
	list, err := client.For[*corev1.Event](b.Client).List(b.Context(), "default",
		client.ListOptions{FieldSelector: "involvedObject.name=" + name})
	require.NoError(b, err)
	var out []string
	for _, e := range list.Items {
		out = append(out, e.Type+" "+e.Reason+" "+e.Message)
	}
	return strings.Join(out, "\n")
}

func TestScheduler_SaysWhyForEveryNode(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.node("small", "cpu=1")
		b.node("db-1", "taint=dedicated:db:NoSchedule")
		b.node("db-2", "taint=dedicated:db:NoSchedule")
		b.node("off", "cordoned")
		b.pod("", "web", "cpu=2")
		b.on(time.Second, "web", "")
		const why = "0/4 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable, 2 node(s) had untolerated taint {dedicated: db}." +
			" preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
		require.Equal(t, "Warning FailedScheduling "+why, b.events("web"))
		first := b.condition("web")
		require.Equal(t, corev1.ConditionFalse, first.Status)
		require.Equal(t, corev1.PodReasonUnschedulable, first.Reason)
		require.Equal(t, why, first.Message)

		// A node more lets the pod through, as soon as its back-off is over.
		b.node("large")
		b.on(2*time.Second, "web", "large")
		require.Equal(t, corev1.ConditionTrue, b.condition("web").Status)
		require.Contains(t, b.events("web"), "Normal Scheduled Successfully assigned default/web to large")
	})
}

func TestScheduler_NoNodes(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.pod("", "web")
		b.on(time.Hour, "web", "")
		require.Equal(t, "no nodes available to schedule pods", b.condition("web").Message)
		b.node("a")
		b.on(11*time.Second, "web", "a") // The first try may see it before it is ready.
	})
}

func TestScheduler_WhatChangesHelps(t *testing.T) {
	for _, c := range []struct {
		name, node string
		change     func(n *corev1.Node)
	}{
		{"uncordon", "cordoned", func(n *corev1.Node) { n.Spec.Unschedulable, n.Spec.Taints = false, nil }},
		{"untaint", "taint=k:v:NoSchedule", func(n *corev1.Node) { n.Spec.Taints = nil }},
		{"label", "cpu=2", func(n *corev1.Node) { n.Labels["disk"] = "ssd" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				b.node("a", c.node)
				b.pod(map[bool]string{true: "nodeSelector: {disk: ssd}"}[c.name == "label"], "web")
				b.on(time.Minute, "web", "")
				_, err := b.nodes.Modify(b.Context(), "", "a", func(n *corev1.Node) error {
					c.change(n)
					return nil
				})
				require.NoError(t, err)
				b.on(0, "web", "a")
			})
		})
	}
}

func TestScheduler_PortIsFreedByDeletion(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.node("a")
		b.pod("", "one", "port=80")
		b.on(time.Second, "one", "a")
		b.pod("", "two", "port=80")
		b.on(time.Minute, "two", "")
		require.Contains(t, b.condition("two").Message, "1 node(s) didn't have free ports for the requested pod ports")
		require.NoError(t, b.pods.Delete(b.Context(), "default", "one", client.GracePeriod(0)))
		b.on(0, "two", "a")
	})
}

// A pod that has ended uses nothing any more, though it is still there.
func TestScheduler_EndedPodsUseNothing(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.node("a", "cpu=1")
		b.pod("", "one", "cpu=1")
		b.on(time.Second, "one", "a")
		b.pod("", "two", "cpu=1")
		b.on(time.Minute, "two", "")
		_, err := b.pods.ModifyStatus(b.Context(), "default", "one", func(p *corev1.Pod) error {
			p.Status.Phase = corev1.PodSucceeded
			return nil
		})
		require.NoError(t, err)
		b.on(0, "two", "a")
	})
}

func TestScheduler_NodeIsRemovedAndReturns(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.node("a", "cpu=2")
		b.pod("", "one", "cpu=1")
		b.on(time.Second, "one", "a")
		require.NoError(t, b.nodes.Delete(b.Context(), "", "a"))
		synctest.Wait() // The scheduler knows: it watches nodes and pods apart.
		b.pod("", "two", "cpu=1")
		b.pod("", "three", "cpu=1")
		b.on(time.Minute, "two", "")
		b.node("a", "cpu=2") // With one still on it.
		time.Sleep(time.Minute)
		require.NotEqual(t, b.get("two").Spec.NodeName, b.get("three").Spec.NodeName)
	})
}

// All pods and the node are there when the scheduler starts.
func TestScheduler_ImportantPodsFirst(t *testing.T) {
	atRest(t, func(b *bubble) {
		b.classes(1, 5, 9)
		for _, p := range []string{"1", "9", "5"} {
			b.pod("", "p"+p, "cpu=1", "priority="+p)
		}
		b.node("a", "cpu=2")
		apitest.Run(b, b.schedule)
		b.on(time.Second, "p1", "")
		b.mu.Lock()
		defer b.mu.Unlock()
		require.Equal(t, []string{"p9", "p5", "p1"}, b.decisions)
	})
}

func TestScheduler_OnlyItsOwn(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.node("a")
		b.pod("schedulerName: other", "theirs")
		b.pod("schedulingGates: [{name: example.com/wait}]", "gated")
		b.on(time.Hour, "theirs", "")
		b.on(0, "gated", "")
		require.Equal(t, corev1.PodReasonSchedulingGated, b.condition("gated").Reason)
		_, err := b.pods.Modify(b.Context(), "default", "gated", func(p *corev1.Pod) error {
			p.Spec.SchedulingGates = nil
			return nil
		})
		require.NoError(t, err)
		b.on(0, "gated", "a")
		require.NoError(t, client.Bind(b.Context(), b.Client, b.get("theirs"), "a"))
	})
}

func TestScheduler_NamespaceSelector(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.node("a")
		b.node("b")
		b.pod("", "db", "label=app:db")
		time.Sleep(time.Second)
		_, err := client.For[*corev1.Namespace](b.Client).Create(b.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team"}})
		require.NoError(t, err)
		b.pod(`affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [
			{topologyKey: kubernetes.io/hostname, namespaceSelector: {matchLabels: {role: data}}, labelSelector: {matchLabels: {app: db}}}]}}`, "near")
		b.on(time.Minute, "near", "")
		require.Contains(t, b.condition("near").Message, "2 node(s) didn't match pod affinity rules")
		_, err = client.For[*corev1.Namespace](b.Client).Modify(b.Context(), "", "default", func(ns *corev1.Namespace) error {
			ns.Labels["role"] = "data"
			return nil
		})
		require.NoError(t, err)
		b.on(0, "near", b.get("db").Spec.NodeName)
	})
}

func TestScheduler_Preemption(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.classes(1, 5, 9)
		b.node("a", "cpu=2")
		b.node("b", "cpu=2")
		b.pod("nodeSelector: {kubernetes.io/hostname: a}", "low", "cpu=2", "priority=1")
		b.pod("nodeSelector: {kubernetes.io/hostname: b}", "middle", "cpu=2", "priority=5")
		b.on(time.Second, "low", "a")
		b.pod("", "urgent", "cpu=2", "priority=9")
		b.on(time.Second, "urgent", "")

		// The victim is asked to go, and has its grace period.
		low := b.get("low")
		require.NotNil(t, low.DeletionTimestamp)
		require.EqualValues(t, 30, *low.DeletionGracePeriodSeconds)
		var disrupted corev1.PodCondition
		for _, c := range low.Status.Conditions {
			if c.Type == corev1.DisruptionTarget {
				disrupted = c
			}
		}
		require.Equal(t, corev1.ConditionTrue, disrupted.Status)
		require.Equal(t, corev1.PodReasonPreemptionByScheduler, disrupted.Reason)
		require.Contains(t, b.events("low"), "Preempted by pod "+string(b.get("urgent").UID)+" on node a")
		require.Nil(t, b.get("middle").DeletionTimestamp)
		require.Equal(t, "a", b.get("urgent").Status.NominatedNodeName)

		// Meanwhile the place is kept, and nobody else is pushed off for it, not
		// even when the pod is tried again.
		b.pod("", "thief", "cpu=1", "priority=5")
		b.on(20*time.Second, "thief", "")
		b.on(0, "urgent", "")
		require.Nil(t, b.get("middle").DeletionTimestamp)
		require.Equal(t, "a", b.get("urgent").Status.NominatedNodeName)

		require.NoError(t, b.pods.Delete(b.Context(), "default", "low", client.GracePeriod(0)))
		b.on(10*time.Second, "urgent", "a")
		b.on(0, "thief", "")
		require.Empty(t, b.get("urgent").Status.NominatedNodeName)
	})
}

// The place that was kept for a pod is anybody's once the pod is gone.
func TestScheduler_NominatedPodIsDeleted(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.classes(1, 9)
		b.node("a", "cpu=3")
		b.pod("", "low", "cpu=2", "priority=1")
		b.on(time.Second, "low", "a")
		b.pod("", "urgent", "cpu=2", "priority=9")
		b.on(time.Second, "urgent", "")
		b.pod("", "patient", "cpu=1", "priority=1")
		b.on(15*time.Second, "patient", "")
		require.NoError(t, b.pods.Delete(b.Context(), "default", "urgent"))
		b.on(0, "patient", "a")
	})
}

func TestScheduler_PreemptionPolicyNever(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.classes(1)
		never := corev1.PreemptNever
		_, err := client.For[*schedulingv1.PriorityClass](b.Client).Create(b.Context(), &schedulingv1.PriorityClass{
			ObjectMeta: metav1.ObjectMeta{Name: "p9"}, Value: 9, PreemptionPolicy: &never,
		})
		require.NoError(t, err)
		b.node("a", "cpu=2")
		b.pod("", "low", "cpu=2", "priority=1")
		b.on(time.Second, "low", "a")
		b.pod("", "polite", "cpu=2", "priority=9")
		b.on(time.Minute, "polite", "")
		require.Nil(t, b.get("low").DeletionTimestamp)
		require.Equal(t, "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.", b.condition("polite").Message)
	})
}

func TestScheduler_HundredsOfPods(t *testing.T) {
	inBubble(t, func(b *bubble) {
		for i := range 20 {
			b.node(fmt.Sprintf("node-%02d", i), "cpu=4", "pods=30", fmt.Sprintf("zone=z%d", i%3))
		}
		for i := range 450 {
			b.pod("", fmt.Sprintf("pod-%03d", i), "cpu=200m")
		}
		time.Sleep(time.Minute)
		list, err := b.pods.List(b.Context(), "default", client.ListOptions{})
		require.NoError(t, err)
		on := map[string]int{}
		for _, p := range list.Items {
			on[p.Spec.NodeName]++
		}
		// 20 pods fill a node; 50 are left over.
		require.Equal(t, 50, on[""])
		delete(on, "")
		require.Len(t, on, 20)
		for node, n := range on {
			require.Equal(t, 20, n, node)
		}
	})
}
