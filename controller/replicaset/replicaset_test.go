package replicaset_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/replicaset"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

// A refuser is a transport that counts the creations of pods, and refuses them
// while it is told to.
type refuser struct {
	next     http.RoundTripper
	refusing atomic.Bool
	creates  atomic.Int32
}

func (r *refuser) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/pods") {
		r.creates.Add(1)
		if r.refusing.Load() {
			return &http.Response{StatusCode: http.StatusForbidden, Body: http.NoBody, Header: http.Header{}, Request: req}, nil
		}
	}
	return r.next.RoundTrip(req)
}

type world struct {
	refuser *refuser
	sets    *client.Kind[*appsv1.ReplicaSet]
	pods    *client.Kind[*corev1.Pod]
}

func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		server := apitest.Start(t)
		w := &world{refuser: &refuser{}}
		c := server.Client(t, func(next http.RoundTripper) http.RoundTripper { w.refuser.next = next; return w.refuser })
		(&apitest.Kubelet{Start: time.Second, Stop: time.Second}).Run(t, server.Client(t))
		informers := client.NewInformers(c)
		ctl := replicaset.New(c, informers, controller.Options{})
		apitest.Run(t, informers.Run)
		apitest.Run(t, ctl.Run)
		w.sets, w.pods = client.For[*appsv1.ReplicaSet](c), client.For[*corev1.Pod](c)
		test(t, w)
	})
}

func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

var webLabels = map[string]string{"app": "web"}

func (w *world) create(t *testing.T, replicas int32) {
	t.Helper()
	_, err := w.sets.Create(t.Context(), &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: webLabels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: webLabels}, Spec: spec()},
		},
	})
	require.NoError(t, err)
}

func spec() corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "v1"}}}
}

func (w *world) status(t *testing.T) appsv1.ReplicaSetStatus {
	t.Helper()
	rs, err := w.sets.Get(t.Context(), "default", "web")
	require.NoError(t, err)
	require.Equal(t, rs.Generation, rs.Status.ObservedGeneration)
	return rs.Status
}

func (w *world) list(t *testing.T) []*corev1.Pod {
	t.Helper()
	list, err := w.pods.List(t.Context(), "default", client.ListOptions{})
	require.NoError(t, err)
	return list.Items
}

func TestReplicaSet_Scales(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.create(t, 25)
		settle(10 * time.Second)
		require.EqualValues(t, 25, w.status(t).AvailableReplicas)
		require.EqualValues(t, 25, w.refuser.creates.Load(), "none too many, though the cache lags behind")
		_, err := w.sets.Modify(t.Context(), "default", "web", func(rs *appsv1.ReplicaSet) error { *rs.Spec.Replicas = 4; return nil })
		require.NoError(t, err)
		settle(10 * time.Second)
		require.EqualValues(t, 4, w.status(t).AvailableReplicas)
		require.Len(t, w.list(t), 4)

		t.Log("what is deleted or ends is replaced")
		pods := w.list(t)
		require.NoError(t, w.pods.Delete(t.Context(), "default", pods[0].Name, client.GracePeriod(0)))
		_, err = w.pods.ModifyStatus(t.Context(), "default", pods[1].Name, func(p *corev1.Pod) error { p.Status.Phase = corev1.PodFailed; return nil })
		require.NoError(t, err)
		settle(10 * time.Second)
		require.EqualValues(t, 4, w.status(t).AvailableReplicas)
		require.Len(t, w.list(t), 5, "the failed one stays to be looked at")
	})
}

func TestReplicaSet_AdoptsAndReleases(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for name, labels := range map[string]map[string]string{"orphan": webLabels, "stranger": {"app": "other"}} {
			_, err := w.pods.Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: labels}, Spec: spec()})
			require.NoError(t, err)
		}
		settle(5 * time.Second)
		w.create(t, 2)
		settle(5 * time.Second)
		require.EqualValues(t, 1, w.refuser.creates.Load()-2, "one was there already")
		orphan, err := w.pods.Get(t.Context(), "default", "orphan")
		require.NoError(t, err)
		require.Equal(t, "web", metav1.GetControllerOf(orphan).Name)

		t.Log("a pod whose labels are changed is on its own, and another takes its place")
		_, err = w.pods.Modify(t.Context(), "default", "orphan", func(p *corev1.Pod) error { p.Labels = map[string]string{"app": "debug"}; return nil })
		require.NoError(t, err)
		settle(5 * time.Second)
		orphan, err = w.pods.Get(t.Context(), "default", "orphan")
		require.NoError(t, err)
		require.Nil(t, metav1.GetControllerOf(orphan))
		require.EqualValues(t, 2, w.status(t).AvailableReplicas)
		require.Len(t, w.list(t), 4)
	})
}

func TestReplicaSet_ThatMayNotCreate(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.refuser.refusing.Store(true)
		w.create(t, 40)
		settle(time.Second)
		status := w.status(t)
		require.Len(t, status.Conditions, 1)
		require.Equal(t, appsv1.ReplicaSetReplicaFailure, status.Conditions[0].Type)
		require.Equal(t, "FailedCreate", status.Conditions[0].Reason)
		require.Less(t, w.refuser.creates.Load(), int32(15), "one failed request for each try, and ever fewer tries")

		w.refuser.refusing.Store(false)
		settle(time.Minute)
		status = w.status(t)
		require.Empty(t, status.Conditions)
		require.EqualValues(t, 40, status.AvailableReplicas)
		require.Len(t, w.list(t), 40)
	})
}
