package apitest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// Node is the name of the node on which a [Kubelet] runs all pods.
const Node = "node-1"

// A Kubelet is scheduler and kubelet of a cluster in which nothing really runs:
// it gives pods a node and an address, says that they are ready, and when they
// are deleted lets them go.
type Kubelet struct {
	// Works says whether a pod becomes ready; nil means that all do.
	Works func(pod *corev1.Pod) bool
	// Start and Stop are how long that takes, and how long the end does.
	Start, Stop time.Duration

	pods *client.Informer[*corev1.Pod]
	kind *client.Kind[*corev1.Pod]
	c    *client.Client
	ips  atomic.Int32
}

// Run runs the kubelet until the test ends. It makes the node.
func (k *Kubelet) Run(t testing.TB, c *client.Client) {
	t.Helper()
	_, err := client.For[*corev1.Node](c).Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: Node, Labels: map[string]string{corev1.LabelHostname: Node, corev1.LabelTopologyZone: "zone-a"},
	}})
	require.NoError(t, err)
	k.c, k.kind = c, client.For[*corev1.Pod](c)
	k.pods = client.NewInformer(c, client.InformerOptions[*corev1.Pod]{})
	ctl := controller.New("fake-kubelet", controller.ReconcilerFunc(k.reconcile), controller.Options{})
	controller.Watch(ctl, k.pods, controller.Self)
	Run(t, k.pods.Run)
	Run(t, ctl.Run)
}

func (k *Kubelet) reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	pod, ok := k.pods.Get(key.Namespace, key.Name)
	switch {
	case !ok || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed && pod.DeletionTimestamp == nil:
		return controller.Result{}, nil
	case pod.DeletionTimestamp != nil:
		return k.stop(ctx, pod)
	case pod.Spec.NodeName == "":
		return controller.Result{}, client.Bind(ctx, k.c, pod, Node)
	case pod.Status.PodIP == "":
		return controller.Result{}, k.report(ctx, pod, corev1.ConditionFalse)
	case pod.Status.Conditions[0].Status == corev1.ConditionTrue || k.Works != nil && !k.Works(pod):
		return controller.Result{}, nil
	}
	if left := k.Start - time.Since(pod.Status.StartTime.Time); left > 0 {
		return controller.Result{RequeueAfter: left}, nil
	}
	return controller.Result{}, k.report(ctx, pod, corev1.ConditionTrue)
}

func (k *Kubelet) stop(ctx context.Context, pod *corev1.Pod) (controller.Result, error) {
	asked := pod.DeletionTimestamp.Add(-time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second)
	if left := k.Stop - time.Since(asked); left > 0 {
		return controller.Result{RequeueAfter: left}, nil
	}
	err := k.kind.Delete(ctx, pod.Namespace, pod.Name, client.GracePeriod(0), client.Precondition(pod.UID, ""))
	if apierrors.IsNotFound(err) {
		err = nil
	}
	return controller.Result{}, err
}

// report says that a pod runs, and whether it is ready.
func (k *Kubelet) report(ctx context.Context, pod *corev1.Pod, ready corev1.ConditionStatus) error {
	n := k.ips.Add(1)
	_, err := k.kind.ModifyStatus(ctx, pod.Namespace, pod.Name, func(live *corev1.Pod) error {
		now := metav1.Now()
		if live.Status.PodIP == "" {
			live.Status.PodIP = fmt.Sprintf("10.244.%d.%d", n/200, 1+n%200)
			live.Status.PodIPs = []corev1.PodIP{{IP: live.Status.PodIP}}
			live.Status.StartTime = &now
		}
		live.Status.Phase = corev1.PodRunning
		others := slices.DeleteFunc(live.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady })
		live.Status.Conditions = append([]corev1.PodCondition{
			{Type: corev1.PodReady, Status: ready, LastTransitionTime: now},
		}, others...)
		return nil
	})
	return err
}
