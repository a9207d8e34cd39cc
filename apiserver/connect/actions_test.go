package connect_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver/typed"
)

func (c *cluster) stored(name string) *corev1.Pod {
	c.t.Helper()
	p, err := typed.Get[*corev1.Pod](c.t.Context(), c.objects, "shop", name)
	require.NoError(c.t, err)
	return p
}

func condition(p *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == kind {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

const toNode = `{"apiVersion":"v1","kind":"Binding","metadata":{"name":%q%s},"target":{"kind":"Node","name":"node-1"}}`

func TestBinding(t *testing.T) {
	c := newCluster(t, nil, nil)
	c.add(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "west", Labels: map[string]string{corev1.LabelTopologyZone: "w1", "other": "x"}}})
	web := pod("web", "", "app")
	web.Status = corev1.PodStatus{Phase: corev1.PodPending, NominatedNodeName: "node-1", Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable"}}}
	c.add(web)
	before := c.stored("web")
	code, message := c.call("POST", podsPath+"web/binding?dryRun=All", `{"metadata":{"name":"web"},"target":{"name":"west"}}`)
	require.Equal(t, 201, code, message)
	require.Empty(t, c.stored("web").Spec.NodeName)

	code, message = c.call("POST", podsPath+"web/binding", `{"metadata":{"name":"web","annotations":{"a":"b"}},"target":{"kind":"Node","name":"west"}}`)
	require.Equal(t, 201, code, message)
	got := c.stored("web")
	require.Equal(t, "west", got.Spec.NodeName)
	require.Empty(t, got.Status.NominatedNodeName)
	require.Equal(t, map[string]string{"a": "b"}, got.Annotations)
	require.Equal(t, map[string]string{corev1.LabelTopologyZone: "w1"}, got.Labels)
	require.Equal(t, corev1.ConditionTrue, condition(got, corev1.PodScheduled).Status)
	require.Empty(t, condition(got, corev1.PodScheduled).Reason)
	require.Equal(t, before.Generation, got.Generation, "binding is no new wish of the user")

	gated := pod("gated", "", "app")
	gated.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "wait"}}
	c.add(gated)
	c.add(pod("free", "", "app"))
	for _, test := range []struct {
		pod, body, message string
		code               int
	}{
		{"web", fmt.Sprintf(toNode, "web", ""), `pod web is already assigned to node "west"`, 409},
		{"gated", fmt.Sprintf(toNode, "gated", ""), "non-empty .spec.schedulingGates", 409},
		{"free", fmt.Sprintf(toNode, "free", `,"uid":"other"`), "Precondition failed: UID in precondition: other", 409},
		{"free", fmt.Sprintf(toNode, "web", ""), "does not match the name on the URL", 400},
		{"free", `{"target":{"kind":"Pod","name":"x"}}`, "target.kind: Unsupported value", 422},
		{"free", `{"target":{}}`, "target.name: Required value", 422},
		{"free", `{`, "", 400},
		{"free", `{"apiVersion":"v1","kind":"Pod"}`, "unrecognized", 400},
		{"ghost", fmt.Sprintf(toNode, "ghost", ""), `pods "ghost" not found`, 404},
	} {
		code, message := c.call("POST", podsPath+test.pod+"/binding", test.body)
		require.Equal(t, test.code, code, "%s %s: %s", test.pod, test.body, message)
		require.Contains(t, message, test.message)
	}
}

// TestBinding_once: of many schedulers one wins.
func TestBinding_once(t *testing.T) {
	c := newCluster(t, nil, nil)
	c.add(pod("web", "", "app"))
	var wg sync.WaitGroup
	var won atomic.Int32
	for range 16 {
		wg.Go(func() {
			if code, _ := c.call("POST", podsPath+"web/binding", fmt.Sprintf(toNode, "web", "")); code == 201 {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	require.Equal(t, int32(1), won.Load())
}

func TestEviction(t *testing.T) {
	c := newCluster(t, nil, nil)
	thirty := int64(30)
	web := pod("web", "node-1", "app")
	web.Spec.TerminationGracePeriodSeconds = &thirty
	c.add(web)
	evict := func(name, more string) (int, string) {
		return c.call("POST", podsPath+name+"/eviction",
			fmt.Sprintf(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":%q}%s}`, name, more))
	}
	code, message := evict("web", `,"deleteOptions":{"preconditions":{"uid":"other"}}`)
	require.Equal(t, 409, code, message)
	code, message = evict("web", `,"deleteOptions":{"dryRun":["All"]}`)
	require.Equal(t, 201, code, message)
	require.Nil(t, c.stored("web").DeletionTimestamp)
	require.Nil(t, condition(c.stored("web"), corev1.DisruptionTarget))

	code, message = evict("web", `,"deleteOptions":{"gracePeriodSeconds":7}`)
	require.Equal(t, 201, code, message)
	got := c.stored("web")
	require.NotNil(t, got.DeletionTimestamp, "a pod that runs gets its grace period")
	require.Equal(t, int64(7), *got.DeletionGracePeriodSeconds)
	require.Equal(t, "EvictionByEvictionAPI", condition(got, corev1.DisruptionTarget).Reason)

	waiting := pod("waiting", "", "app")
	waiting.Status.Phase = corev1.PodPending
	c.add(waiting)
	code, message = evict("waiting", "")
	require.Equal(t, 201, code, message)
	_, err := typed.Get[*corev1.Pod](t.Context(), c.objects, "shop", "waiting")
	require.True(t, apierrors.IsNotFound(err), "one that does not, goes")

	code, _ = evict("ghost", "")
	require.Equal(t, 404, code)
	code, message = c.call("POST", podsPath+"web/eviction", `{"metadata":{"name":"other"}}`)
	require.Equal(t, 400, code)
	require.Contains(t, message, "name in URL does not match")
}
