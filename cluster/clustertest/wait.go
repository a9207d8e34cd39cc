package clustertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
)

// Patience is how long WaitFor waits, by the clock of the test.
const Patience = time.Minute

// WaitFor waits until a condition holds, for at most [Patience]. When it does
// not, the test fails with what was waited for, and with the cluster's pods and
// latest events. The condition is asked often at first, then more seldom.
func (c *Cluster) WaitFor(what string, condition func() bool) {
	c.t.Helper()
	c.WaitWithin(Patience, what, condition)
}

// WaitWithin is WaitFor with a limit of one's own.
func (c *Cluster) WaitWithin(limit time.Duration, what string, condition func() bool) {
	c.t.Helper()
	start := time.Now()
	for !condition() {
		passed := time.Since(start)
		if passed >= limit {
			c.t.Fatalf("waited %s for %s\n%s", limit, what, c.Dump())
		}
		time.Sleep(min(max(passed/20, time.Millisecond), time.Second, limit-passed))
	}
}

// Dump describes the cluster's nodes and pods and its latest events.
func (c *Cluster) Dump() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var b strings.Builder
	nodes, err := For[*corev1.Node](c).List(ctx, "", client.ListOptions{})
	if err != nil {
		return err.Error()
	}
	for _, n := range nodes.Items {
		fmt.Fprintf(&b, "node %s: ready %t, taints %s\n", n.Name, nodeReady(n), taints(n))
	}
	pods, err := For[*corev1.Pod](c).List(ctx, "", client.ListOptions{})
	if err != nil {
		return err.Error()
	}
	for _, p := range pods.Items {
		b.WriteString(DescribePod(p) + "\n")
	}
	events, err := For[*corev1.Event](c).List(ctx, "", client.ListOptions{})
	if err != nil {
		return err.Error()
	}
	b.WriteString(latest(events.Items, 25))
	return b.String()
}

func taints(n *corev1.Node) string {
	var out []string
	for _, t := range n.Spec.Taints {
		out = append(out, t.ToString())
	}
	return "[" + strings.Join(out, " ") + "]"
}

// DescribePod says in a line where a pod is and how its containers are.
func DescribePod(p *corev1.Pod) string {
	var b strings.Builder
	fmt.Fprintf(&b, "pod %s/%s: %s", p.Namespace, p.Name, p.Status.Phase)
	if p.Spec.NodeName != "" {
		fmt.Fprintf(&b, " on %s %s", p.Spec.NodeName, p.Status.PodIP)
	}
	if p.DeletionTimestamp != nil {
		b.WriteString(", being deleted")
	}
	if p.Status.Reason != "" || p.Status.Message != "" {
		fmt.Fprintf(&b, ", %s %s", p.Status.Reason, p.Status.Message)
	}
	for _, cond := range p.Status.Conditions {
		if cond.Type == corev1.PodScheduled && cond.Status != corev1.ConditionTrue {
			fmt.Fprintf(&b, ", %s: %s", cond.Reason, cond.Message)
		}
	}
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		fmt.Fprintf(&b, "; %s %s, ready %t, %d restarts", s.Name, containerState(s.State), s.Ready, s.RestartCount)
	}
	return b.String()
}

func containerState(s corev1.ContainerState) string {
	switch {
	case s.Running != nil:
		return "running"
	case s.Terminated != nil:
		return fmt.Sprintf("exited %d %s", s.Terminated.ExitCode, s.Terminated.Reason)
	case s.Waiting != nil:
		return strings.TrimSpace("waiting " + s.Waiting.Reason + " " + s.Waiting.Message)
	}
	return "unknown"
}

// latest describes the last n events, oldest first.
func latest(events []*corev1.Event, n int) string {
	slices.SortStableFunc(events, func(a, b *corev1.Event) int { return a.LastTimestamp.Compare(b.LastTimestamp.Time) })
	events = events[max(0, len(events)-n):]
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "event %s %s %s/%s: %s: %s (%d times)\n", e.LastTimestamp.UTC().Format(time.TimeOnly), e.Type,
			strings.ToLower(e.InvolvedObject.Kind), e.InvolvedObject.Name, e.Reason, e.Message, max(e.Count, 1))
	}
	return b.String()
}
