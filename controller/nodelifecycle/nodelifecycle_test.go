package nodelifecycle_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/nodelifecycle"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

// A world has the two controllers, and nodes that renew their Leases until
// they are stopped.
type world struct {
	t    *testing.T
	c    *client.Client
	stop map[string]context.CancelFunc
}

func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		informers := client.NewInformers(c)
		nodes := nodelifecycle.New(c, informers, nodelifecycle.Options{})
		taints := nodelifecycle.NewTaintEviction(c, informers, controller.Options{})
		apitest.Run(t, informers.Run)
		apitest.Run(t, nodes.Run)
		apitest.Run(t, taints.Run)
		test(t, &world{t: t, c: c, stop: map[string]context.CancelFunc{}})
	})
}

func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// start makes a node, or brings it back.
func (w *world) start(name string) {
	w.t.Helper()
	nodes := client.For[*corev1.Node](w.c)
	_, err := nodes.Create(w.t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if !apierrors.IsAlreadyExists(err) {
		require.NoError(w.t, err)
	}
	_, err = nodes.ModifyStatus(w.t.Context(), "", name, func(n *corev1.Node) error {
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.Now()}}
		return nil
	})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(w.t.Context())
	w.stop[name] = cancel
	apitest.Run(w.t, func(stop context.Context) error {
		for ctx.Err() == nil && stop.Err() == nil {
			w.renew(ctx, name)
			select {
			case <-time.After(10 * time.Second):
			case <-ctx.Done():
			case <-stop.Done():
			}
		}
		return nil
	})
}

func (w *world) renew(ctx context.Context, name string) {
	leases, now := client.For[*coordinationv1.Lease](w.c), metav1.NowMicro()
	_, err := leases.Modify(ctx, corev1.NamespaceNodeLease, name, func(l *coordinationv1.Lease) error {
		l.Spec.RenewTime = &now
		return nil
	})
	if apierrors.IsNotFound(err) {
		_, _ = leases.Create(ctx, &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: name},
			Spec:       coordinationv1.LeaseSpec{RenewTime: &now},
		})
	}
}

func (w *world) node(name string) *corev1.Node {
	w.t.Helper()
	node, err := client.For[*corev1.Node](w.c).Get(w.t.Context(), "", name)
	require.NoError(w.t, err)
	return node
}

// pod makes a ready pod on a node.
func (w *world) pod(name, node string, tolerations ...corev1.Toleration) {
	w.t.Helper()
	pods := client.For[*corev1.Pod](w.c)
	_, err := pods.Create(w.t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: corev1.PodSpec{
			NodeName: node, Tolerations: tolerations,
			Containers: []corev1.Container{{Name: "c", Image: "i"}},
		},
	})
	require.NoError(w.t, err)
	_, err = pods.ModifyStatus(w.t.Context(), "default", name, func(p *corev1.Pod) error {
		p.Status.Phase = corev1.PodRunning
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		return nil
	})
	require.NoError(w.t, err)
}

// state tells how a pod is: "ready", "not ready", or why it is going.
func (w *world) state(name string) string {
	w.t.Helper()
	pod, err := client.For[*corev1.Pod](w.c).Get(w.t.Context(), "default", name)
	require.NoError(w.t, err)
	state := "not ready"
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			state = "ready"
		}
		if c.Type == corev1.DisruptionTarget && pod.DeletionTimestamp != nil {
			return c.Reason
		}
	}
	return state
}

func taints(node *corev1.Node) (keys []string) {
	for _, taint := range node.Spec.Taints {
		keys = append(keys, fmt.Sprintf("%s:%s", taint.Key, taint.Effect))
	}
	return keys
}

func TestNodeLifecycle_ADeadNodeLosesItsPods(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start("alive")
		w.start("dying")
		w.pod("usual", "dying")
		w.pod("patient", "dying", corev1.Toleration{Operator: corev1.TolerationOpExists})
		w.pod("elsewhere", "alive")
		settle(5 * time.Minute)
		require.Empty(t, taints(w.node("dying")))
		require.Equal(t, "ready", w.state("usual"))

		w.stop["dying"]()
		settle(30 * time.Second)
		require.Empty(t, taints(w.node("dying")), "silent, but not for long enough")
		settle(15 * time.Second)
		node := w.node("dying")
		require.Equal(t, corev1.ConditionUnknown, node.Status.Conditions[0].Status)
		require.Equal(t, "NodeStatusUnknown", node.Status.Conditions[0].Reason)
		require.ElementsMatch(t, []string{"node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"}, taints(node))
		require.Equal(t, "not ready", w.state("usual"), "so Services drop it")

		settle(290 * time.Second)
		require.Equal(t, "not ready", w.state("usual"))
		settle(15 * time.Second)
		require.Equal(t, "DeletionByTaintManager", w.state("usual"), "300 s after the taint")
		require.Equal(t, "not ready", w.state("patient"))
		require.Equal(t, "ready", w.state("elsewhere"))
	})
}

func TestNodeLifecycle_ANodeThatComesBackKeepsItsPods(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start("alive")
		w.start("shaky")
		w.pod("usual", "shaky")
		settle(time.Minute)
		w.stop["shaky"]()
		settle(2 * time.Minute)
		require.NotEmpty(t, taints(w.node("shaky")))
		w.start("shaky")
		settle(time.Second)
		require.Empty(t, taints(w.node("shaky")))
		settle(10 * time.Minute)
		require.Equal(t, "not ready", w.state("usual"), "not deleted; its kubelet would say that it is ready")
	})
}

func TestNodeLifecycle_DoesNotEvictWhenEverythingLooksDead(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for i := range 4 {
			w.start(fmt.Sprint("n", i))
			w.pod(fmt.Sprint("p", i), fmt.Sprint("n", i))
		}
		settle(time.Minute)
		for _, stop := range w.stop {
			stop()
		}
		settle(time.Hour)
		evicted := 0
		for i := range 4 {
			require.Contains(t, taints(w.node(fmt.Sprint("n", i))), "node.kubernetes.io/unreachable:NoSchedule")
			if w.state(fmt.Sprint("p", i)) == "DeletionByTaintManager" {
				evicted++
			}
		}
		// The nodes do not fall silent in the same instant, so one may have
		// been tainted while another still looked ready.
		require.LessOrEqual(t, evicted, 1)
	})
}

func TestNodeLifecycle_EvictsOneNodeAfterTheOther(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start("alive")
		for i := range 4 {
			w.start(fmt.Sprint("n", i))
		}
		settle(time.Minute)
		for i := range 4 {
			w.stop[fmt.Sprint("n", i)]()
		}
		settle(2 * time.Minute)
		var times []time.Time
		for i := range 4 {
			for _, taint := range w.node(fmt.Sprint("n", i)).Spec.Taints {
				if taint.Effect == corev1.TaintEffectNoExecute {
					times = append(times, taint.TimeAdded.Time)
				}
			}
		}
		require.Len(t, times, 4)
		for i, a := range times {
			for _, b := range times[:i] {
				require.GreaterOrEqual(t, a.Sub(b).Abs(), 9*time.Second)
			}
		}
	})
}

func TestTaintEviction_OfPeoplesOwnTaints(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start("n")
		minute := int64(60)
		w.pod("plain", "n")
		w.pod("patient", "n", corev1.Toleration{Key: "example.com/mine", Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &minute})
		taint := func(on bool) {
			_, err := client.For[*corev1.Node](w.c).Modify(t.Context(), "", "n", func(n *corev1.Node) error {
				n.Spec.Taints = nil
				if on {
					n.Spec.Taints = []corev1.Taint{{Key: "example.com/mine", Effect: corev1.TaintEffectNoExecute}}
				}
				return nil
			})
			require.NoError(t, err)
		}
		settle(time.Second)
		taint(true)
		settle(30 * time.Second)
		require.Equal(t, "DeletionByTaintManager", w.state("plain"), "at once")
		taint(false)
		settle(time.Hour)
		require.Equal(t, "ready", w.state("patient"), "the taint went in time")

		taint(true)
		settle(30 * time.Second)
		settle(29 * time.Second)
		require.Equal(t, "ready", w.state("patient"), "a new taint counts anew")
		settle(2 * time.Second)
		require.Equal(t, "DeletionByTaintManager", w.state("patient"))
	})
}

func Example() {
	c, err := client.New(client.Config{BaseURL: "https://127.0.0.1:6443"})
	if err != nil {
		fmt.Println(err)
		return
	}
	informers := client.NewInformers(c)
	fast := nodelifecycle.Options{Grace: 20 * time.Second, EvictionInterval: time.Second}
	fmt.Println(nodelifecycle.New(c, informers, fast).Name())
	fmt.Println(nodelifecycle.NewTaintEviction(c, informers, controller.Options{}).Name())
	// Output:
	// node-lifecycle
	// taint-eviction
}
