package deployment_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/deployment"
	"github.com/coracle-k8s/coracle/controller/podstate"
	"github.com/coracle-k8s/coracle/controller/replicaset"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

// A fleet is a cluster with the controllers of Deployments and ReplicaSets, where
// pods of the image "broken" never become ready.
type fleet struct {
	t       *testing.T
	c       *client.Client
	deploys *client.Kind[*appsv1.Deployment]
	sets    *client.Kind[*appsv1.ReplicaSet]
	pods    *client.Kind[*corev1.Pod]
}

func inBubble(t *testing.T, test func(t *testing.T, f *fleet)) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		kubelet := apitest.Kubelet{Start: 2 * time.Second, Stop: time.Second}
		kubelet.Works = func(pod *corev1.Pod) bool { return pod.Spec.Containers[0].Image != "broken" }
		kubelet.Run(t, c)
		informers := client.NewInformers(c)
		ctls := []*controller.Controller{
			deployment.New(c, informers, controller.Options{}), replicaset.New(c, informers, controller.Options{}),
		}
		apitest.Run(t, informers.Run)
		for _, ctl := range ctls {
			apitest.Run(t, ctl.Run)
		}
		test(t, &fleet{t, c, client.For[*appsv1.Deployment](c), client.For[*appsv1.ReplicaSet](c), client.For[*corev1.Pod](c)})
	})
}

func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (f *fleet) create(replicas int32, change ...func(*appsv1.Deployment)) {
	f.t.Helper()
	labels := map[string]string{"app": "web"}
	surge, unavailable := intstr.FromInt32(1), intstr.FromInt32(0)
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "v1"}}},
			},
		},
	}
	for _, c := range change {
		c(d)
	}
	_, err := f.deploys.Create(f.t.Context(), d)
	require.NoError(f.t, err)
}

func (f *fleet) modify(change func(*appsv1.Deployment)) {
	f.t.Helper()
	_, err := f.deploys.Modify(f.t.Context(), "default", "web", func(d *appsv1.Deployment) error { change(d); return nil })
	require.NoError(f.t, err)
}

func image(name string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = name }
}

func (f *fleet) get() *appsv1.Deployment {
	f.t.Helper()
	d, err := f.deploys.Get(f.t.Context(), "default", "web")
	require.NoError(f.t, err)
	return d
}

func (f *fleet) progressing() string {
	f.t.Helper()
	for _, c := range f.get().Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing {
			return fmt.Sprint(c.Status, " ", c.Reason)
		}
	}
	return "none"
}

// shape tells of each set its revision, image, replicas and availability.
func (f *fleet) shape() string {
	f.t.Helper()
	list, err := f.sets.List(f.t.Context(), "default", client.ListOptions{})
	require.NoError(f.t, err)
	slices.SortFunc(list.Items, func(a, b *appsv1.ReplicaSet) int {
		return cmp.Compare(a.Annotations["deployment.kubernetes.io/revision"], b.Annotations["deployment.kubernetes.io/revision"])
	})
	var out []string
	for _, rs := range list.Items {
		out = append(out, fmt.Sprintf("%s:%s=%d/%d", rs.Annotations["deployment.kubernetes.io/revision"],
			rs.Spec.Template.Spec.Containers[0].Image, rs.Status.AvailableReplicas, *rs.Spec.Replicas))
	}
	return strings.Join(out, " ")
}

func TestRollout(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fleet) {
		f.create(3)
		settle(10 * time.Second)
		require.Equal(t, "1:v1=3/3", f.shape())
		require.Equal(t, "True NewReplicaSetAvailable", f.progressing())
		d := f.get()
		require.Equal(t, d.Generation, d.Status.ObservedGeneration)
		require.Equal(t, "1", d.Annotations["deployment.kubernetes.io/revision"])

		t.Log("a new version comes pod by pod, and never are fewer than three available")
		stop := f.watchBounds(3, 4)
		f.modify(image("v2"))
		settle(time.Second)
		require.Equal(t, "1:v1=3/3 2:v2=0/1", f.shape())
		require.Equal(t, "True ReplicaSetUpdated", f.progressing())
		settle(time.Minute)
		stop()
		require.Equal(t, "1:v1=0/0 2:v2=3/3", f.shape())
		require.Equal(t, "True NewReplicaSetAvailable", f.progressing())

		t.Log("annotations reach the set, so that the history can tell why")
		f.modify(func(d *appsv1.Deployment) {
			d.Annotations["kubernetes.io/change-cause"] = "second thoughts"
		})
		settle(time.Second)
		require.Equal(t, "second thoughts", f.set("v2").Annotations["kubernetes.io/change-cause"])

		t.Log("undo writes the old template, and the old set gets a new number")
		f.undo("v1")
		settle(time.Minute)
		require.Equal(t, "2:v2=0/0 3:v1=3/3", f.shape())
		require.Equal(t, "1", f.set("v1").Annotations["deployment.kubernetes.io/revision-history"])
		require.Equal(t, "3", f.get().Annotations["deployment.kubernetes.io/revision"])

		t.Log("a pod that fails later is no rollout, and has no deadline")
		pods, err := f.pods.List(t.Context(), "default", client.ListOptions{})
		require.NoError(t, err)
		_, err = f.pods.ModifyStatus(t.Context(), "default", pods.Items[0].Name, func(p *corev1.Pod) error {
			p.Status.Conditions[0].Status = corev1.ConditionFalse
			p.Status.Phase = corev1.PodFailed
			return nil
		})
		require.NoError(t, err)
		settle(time.Second)
		require.Equal(t, "True NewReplicaSetAvailable", f.progressing())
		settle(time.Minute)
		require.EqualValues(t, 3, f.get().Status.AvailableReplicas, "it was replaced")
	})
}

func (f *fleet) set(image string) *appsv1.ReplicaSet {
	f.t.Helper()
	list, err := f.sets.List(f.t.Context(), "default", client.ListOptions{})
	require.NoError(f.t, err)
	i := slices.IndexFunc(list.Items, func(rs *appsv1.ReplicaSet) bool { return rs.Spec.Template.Spec.Containers[0].Image == image })
	require.GreaterOrEqual(f.t, i, 0, "a set of %s", image)
	return list.Items[i]
}

// undo does what kubectl rollout undo does: a JSON patch with the old template
// and the old set's annotations.
func (f *fleet) undo(to string) {
	f.t.Helper()
	template := f.set(to).Spec.Template.DeepCopy()
	delete(template.Labels, "pod-template-hash")
	patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/spec/template", "value": template}})
	require.NoError(f.t, err)
	_, err = f.deploys.Patch(f.t.Context(), "default", "web", types.JSONPatchType, patch)
	require.NoError(f.t, err)
}

// watchBounds fails the test when fewer pods than least are available at any
// moment, or the sets together are told to have more than most, until it is stopped.
func (f *fleet) watchBounds(least, most int) (stop func()) {
	pods := client.NewInformer(f.c, client.InformerOptions[*corev1.Pod]{})
	sets := client.NewInformer(f.c, client.InformerOptions[*appsv1.ReplicaSet]{})
	ctx, cancel := context.WithCancel(f.t.Context())
	synced := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	pods.OnChange(func(_, _ *corev1.Pod) {
		ready := 0
		for _, p := range podstate.Active(pods.List("", nil)) {
			if podstate.Ready(p) {
				ready++
			}
		}
		if synced(pods.Synced()) && ready < least {
			f.t.Errorf("%d pods are ready, want at least %d", ready, least)
		}
	})
	sets.OnChange(func(_, _ *appsv1.ReplicaSet) {
		total := 0
		for _, rs := range sets.List("", nil) {
			total += int(*rs.Spec.Replicas)
		}
		if synced(sets.Synced()) && total > most {
			f.t.Errorf("the sets have %d replicas, want at most %d", total, most)
		}
	})
	done := make(chan error, 2)
	go func() { done <- pods.Run(ctx) }()
	go func() { done <- sets.Run(ctx) }()
	<-pods.Synced()
	<-sets.Synced()
	return func() {
		cancel()
		require.NoError(f.t, <-done)
		require.NoError(f.t, <-done)
	}
}

func TestRollout_ThatFails(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fleet) {
		f.create(3, func(d *appsv1.Deployment) { deadline := int32(60); d.Spec.ProgressDeadlineSeconds = &deadline })
		settle(time.Minute)
		stop := f.watchBounds(3, 4)
		f.modify(image("broken"))
		settle(50 * time.Second)
		require.Equal(t, "1:v1=3/3 2:broken=0/1", f.shape(), "the old pods keep serving")
		require.Equal(t, "True ReplicaSetUpdated", f.progressing())
		settle(time.Minute)
		require.Equal(t, "False ProgressDeadlineExceeded", f.progressing())

		t.Log("another version starts the clock anew")
		f.modify(image("v3"))
		settle(time.Second)
		require.Contains(t, f.progressing(), "True ")
		require.Equal(t, "1:v1=3/3 2:broken=0/0 3:v3=0/1", f.shape(), "rollover: the broken set goes first")
		settle(time.Minute)
		require.Equal(t, "1:v1=0/0 2:broken=0/0 3:v3=3/3", f.shape())

		t.Log("and a failed one can be undone")
		f.modify(image("broken"))
		settle(2 * time.Minute)
		require.Equal(t, "False ProgressDeadlineExceeded", f.progressing())
		f.undo("v3")
		settle(time.Second)
		require.Equal(t, "1:v1=0/0 4:broken=0/0 5:v3=3/3", f.shape())
		require.Equal(t, "True NewReplicaSetAvailable", f.progressing())
		stop()
	})
}

func TestScale_InTheMiddleOfARollout(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fleet) {
		f.create(10, func(d *appsv1.Deployment) {
			*d.Spec.Strategy.RollingUpdate.MaxSurge = intstr.FromInt32(3)
			*d.Spec.Strategy.RollingUpdate.MaxUnavailable = intstr.FromInt32(2)
		})
		settle(time.Minute)
		require.Equal(t, "1:v1=10/10", f.shape())
		f.modify(image("broken"))
		settle(time.Minute)
		require.Equal(t, "1:v1=8/8 2:broken=0/5", f.shape())
		f.modify(func(d *appsv1.Deployment) { *d.Spec.Replicas = 15 })
		settle(time.Minute)
		require.Equal(t, "1:v1=11/11 2:broken=0/7", f.shape(), "each by its share")
		f.modify(func(d *appsv1.Deployment) { *d.Spec.Replicas = 0 })
		settle(time.Minute)
		require.Equal(t, "1:v1=0/0 2:broken=0/0", f.shape())
		d := f.get()
		require.Zero(t, d.Status.Replicas)
		require.Zero(t, d.Status.UnavailableReplicas)
	})
}

func TestPause(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fleet) {
		f.create(2)
		settle(time.Minute)
		f.modify(func(d *appsv1.Deployment) { d.Spec.Paused = true })
		f.modify(image("v2"))
		settle(time.Minute)
		require.Equal(t, "1:v1=2/2", f.shape())
		require.Equal(t, "Unknown DeploymentPaused", f.progressing())
		d := f.get()
		require.Equal(t, d.Generation, d.Status.ObservedGeneration)

		t.Log("it can be scaled meanwhile")
		f.modify(func(d *appsv1.Deployment) { *d.Spec.Replicas = 3 })
		settle(time.Minute)
		require.Equal(t, "1:v1=3/3", f.shape())

		f.modify(func(d *appsv1.Deployment) { d.Spec.Paused = false })
		settle(time.Minute)
		require.Equal(t, "1:v1=0/0 2:v2=3/3", f.shape())
		require.Equal(t, "True NewReplicaSetAvailable", f.progressing())
	})
}

func TestRecreate(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fleet) {
		f.create(3, func(d *appsv1.Deployment) {
			d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
		})
		settle(time.Minute)
		require.Equal(t, "1:v1=3/3", f.shape())
		f.modify(image("v2"))
		settle(900 * time.Millisecond)
		require.Equal(t, "1:v1=0/0", f.shape(), "the old pods are still ending")
		settle(1500 * time.Millisecond)
		require.Equal(t, "1:v1=0/0 2:v2=0/3", f.shape())
		settle(time.Minute)
		require.Equal(t, "1:v1=0/0 2:v2=3/3", f.shape())
		require.Equal(t, "True NewReplicaSetAvailable", f.progressing())
	})
}

func TestHistory_HasALimit(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fleet) {
		f.create(1, func(d *appsv1.Deployment) { limit := int32(1); d.Spec.RevisionHistoryLimit = &limit })
		for _, v := range []string{"v1", "v2", "v3", "v4"} {
			f.modify(image(v))
			settle(time.Minute)
		}
		require.Equal(t, "3:v3=0/0 4:v4=1/1", f.shape())
	})
}

func TestMinReadySeconds(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fleet) {
		f.create(1, func(d *appsv1.Deployment) { d.Spec.MinReadySeconds = 10 })
		settle(8 * time.Second)
		d := f.get()
		require.EqualValues(t, 1, d.Status.ReadyReplicas)
		require.Zero(t, d.Status.AvailableReplicas, "ready, but not for long enough")
		settle(6 * time.Second)
		require.EqualValues(t, 1, f.get().Status.AvailableReplicas)
	})
}

func TestAdoption(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fleet) {
		f.create(2)
		settle(time.Minute)
		before, err := f.pods.List(t.Context(), "default", client.ListOptions{})
		require.NoError(t, err)

		t.Log("a Deployment deleted without its sets leaves them; one like it takes them over")
		require.NoError(t, f.deploys.Delete(t.Context(), "default", "web"))
		_, err = f.sets.Modify(t.Context(), "default", f.set("v1").Name, func(rs *appsv1.ReplicaSet) error {
			rs.OwnerReferences = nil
			return nil
		})
		require.NoError(t, err)
		settle(time.Second)
		f.create(2)
		settle(time.Minute)
		require.Equal(t, "1:v1=2/2", f.shape())
		require.Equal(t, f.get().UID, metav1.GetControllerOf(f.set("v1")).UID)
		after, err := f.pods.List(t.Context(), "default", client.ListOptions{})
		require.NoError(t, err)
		require.Len(t, after.Items, 2)
		require.ElementsMatch(t, []types.UID{before.Items[0].UID, before.Items[1].UID}, []types.UID{after.Items[0].UID, after.Items[1].UID})
	})
}

func TestNameCollision(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fleet) {
		f.create(1)
		settle(time.Minute)
		name := f.set("v1").Name
		require.NoError(t, f.deploys.Delete(t.Context(), "default", "web"))
		require.NoError(t, f.sets.Delete(t.Context(), "default", name))
		settle(time.Minute)
		stranger := deployment.NewSet(&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "other"},
			Spec: appsv1.DeploymentSpec{
				Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "other"}},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "other"}},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "x"}}},
				},
			},
		})
		stranger.Name, stranger.OwnerReferences = name, nil
		_, err := f.sets.Create(t.Context(), stranger)
		require.NoError(t, err)
		f.create(1)
		settle(time.Minute)
		require.NotEqual(t, name, f.set("v1").Name)
		require.EqualValues(t, 1, *f.get().Status.CollisionCount)
		require.EqualValues(t, 1, f.get().Status.AvailableReplicas)
	})
}
