package garbagecollector_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/client/faulty"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/garbagecollector"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

// A world is a server with a garbage collector, and config maps that own each other.
type world struct {
	t    *testing.T
	c    *client.Client
	maps *client.Kind[*corev1.ConfigMap]
}

func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) { test(t, start(t)) })
}

func start(t *testing.T, wrap ...func(http.RoundTripper) http.RoundTripper) *world {
	server := apitest.Start(t)
	c := server.Client(t)
	recorder := client.NewRecorder(c, "garbage-collector", "")
	apitest.Run(t, recorder.Run)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	gc := garbagecollector.New(server.Client(t, wrap...), nil, controller.Options{Logger: log, Recorder: recorder})
	apitest.Run(t, gc.Run)
	w := &world{t: t, c: c, maps: client.For[*corev1.ConfigMap](c)}
	w.settle()
	return w
}

func (w *world) settle() {
	time.Sleep(10 * time.Second)
	synctest.Wait()
}

// create makes a config map in a namespace with owners, whose references block.
func (w *world) create(name string, owners ...*corev1.ConfigMap) *corev1.ConfigMap {
	w.t.Helper()
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	for _, owner := range owners {
		cm.OwnerReferences = append(cm.OwnerReferences, refTo(owner))
	}
	cm, err := w.maps.Create(w.t.Context(), cm)
	require.NoError(w.t, err)
	return cm
}

func refTo(owner *corev1.ConfigMap) metav1.OwnerReference {
	block := true
	return metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID, BlockOwnerDeletion: &block}
}

func (w *world) delete(name string, policy metav1.DeletionPropagation) {
	w.t.Helper()
	require.NoError(w.t, w.maps.Delete(w.t.Context(), "default", name, client.Propagation(policy)))
}

// names returns which config maps there are, and in brackets those being deleted.
func (w *world) names() string {
	list, err := w.maps.List(w.t.Context(), "default", client.ListOptions{})
	require.NoError(w.t, err)
	text := ""
	for _, cm := range list.Items {
		if cm.DeletionTimestamp != nil {
			text += "[" + cm.Name + "] "
			continue
		}
		text += cm.Name + " "
	}
	return text
}

func (w *world) hold(name string, held bool) {
	w.t.Helper()
	_, err := w.maps.Modify(w.t.Context(), "default", name, func(cm *corev1.ConfigMap) error {
		cm.Finalizers = nil
		if held {
			cm.Finalizers = []string{"example.com/hold"}
		}
		return nil
	})
	require.NoError(w.t, err)
}

func TestCollector_Background(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		a := w.create("a")
		other := w.create("other")
		b := w.create("b", a)
		w.create("c", b)
		w.create("shared", a, other)
		w.delete("a", metav1.DeletePropagationBackground)
		w.settle()
		require.Equal(t, "other shared ", w.names())
		shared, err := w.maps.Get(t.Context(), "default", "shared")
		require.NoError(t, err)
		require.Equal(t, []metav1.OwnerReference{refTo(other)}, shared.OwnerReferences, "the reference to a is gone")
	})
}

func TestCollector_ForegroundDeletesDependentsFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		a := w.create("a")
		b := w.create("b", a)
		w.create("c", b)
		w.hold("c", true)
		w.delete("a", metav1.DeletePropagationForeground)
		w.settle()
		require.Equal(t, "[a] [b] [c] ", w.names(), "each waits for the one below")
		w.hold("c", false)
		w.settle()
		require.Equal(t, "", w.names())
	})
}

func TestCollector_ForegroundWaitsOnlyForWhatBlocks(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		a := w.create("a")
		w.create("b", a)
		_, err := w.maps.Modify(t.Context(), "default", "b", func(cm *corev1.ConfigMap) error {
			cm.OwnerReferences[0].BlockOwnerDeletion = nil
			cm.Finalizers = []string{"example.com/hold"}
			return nil
		})
		require.NoError(t, err)
		w.settle()
		w.delete("a", metav1.DeletePropagationForeground)
		w.settle()
		require.Equal(t, "[b] ", w.names())
	})
}

func TestCollector_Orphan(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		a := w.create("a")
		w.create("b", a)
		w.settle()
		w.delete("a", metav1.DeletePropagationOrphan)
		w.settle()
		require.Equal(t, "b ", w.names())
		b, err := w.maps.Get(t.Context(), "default", "b")
		require.NoError(t, err)
		require.Empty(t, b.OwnerReferences)
	})
}

func TestCollector_OpensCircles(t *testing.T) {
	for _, policy := range []metav1.DeletionPropagation{metav1.DeletePropagationBackground, metav1.DeletePropagationForeground} {
		inBubble(t, func(t *testing.T, w *world) {
			a := w.create("a")
			b := w.create("b", a)
			c := w.create("c", b)
			_, err := w.maps.Modify(t.Context(), "default", "a", func(cm *corev1.ConfigMap) error {
				cm.OwnerReferences = []metav1.OwnerReference{refTo(c)}
				return nil
			})
			require.NoError(t, err)
			w.settle()
			require.Equal(t, "a b c ", w.names(), "a circle alone is no reason to delete")
			w.delete("b", policy)
			w.settle()
			require.Equal(t, "", w.names(), policy)
		})
	}
}

func TestCollector_BelievesUIDsNotNames(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		a := w.create("a")
		stranger := a.DeepCopy()
		stranger.UID = "00000000-0000-0000-0000-000000000000"
		w.create("mine", a)
		w.create("of-a-former-a", stranger)
		w.settle()
		require.Equal(t, "a mine ", w.names())
	})
}

func TestCollector_RefusesOwnersElsewhere(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		a := w.create("a")
		elsewhere := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: "kube-public", Name: "b", OwnerReferences: []metav1.OwnerReference{refTo(a)},
		}}
		_, err := w.maps.Create(t.Context(), elsewhere)
		require.NoError(t, err)
		roles := client.For[*rbacv1.ClusterRole](w.c)
		_, err = roles.Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{
			Name: "wide", OwnerReferences: []metav1.OwnerReference{refTo(a)},
		}})
		require.NoError(t, err)
		w.settle()
		_, err = w.maps.Get(t.Context(), "kube-public", "b")
		require.Error(t, err, "in its namespace the owner does not exist")
		_, err = roles.Get(t.Context(), "", "wide")
		require.NoError(t, err, "what cannot be resolved is not deleted")

		events, err := client.For[*corev1.Event](w.c).List(t.Context(), "", client.ListOptions{})
		require.NoError(t, err)
		var told []string
		for _, e := range events.Items {
			told = append(told, e.InvolvedObject.Kind+" "+e.Reason)
		}
		require.ElementsMatch(t, []string{"ConfigMap OwnerRefInvalidNamespace", "ClusterRole OwnerRefInvalidNamespace"}, told)
	})
}

func TestCollector_ConvergesUnderFaults(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			w := start(t, func(next http.RoundTripper) http.RoundTripper {
				return faulty.New(next, faulty.Options{Seed: seed, Fail: 0.1, Lose: 0.1, Drop: 0.1, TooMany: 0.05, Broken: 0.05, Delay: time.Second})
			})
			for i := range 10 {
				a := w.create(fmt.Sprint("a", i))
				w.create(fmt.Sprint("b", i), w.create(fmt.Sprint("m", i), a))
				w.delete(a.Name, []metav1.DeletionPropagation{"Background", "Foreground", "Orphan"}[i%3])
			}
			time.Sleep(10 * time.Minute)
			// Orphan of a leaves m with its b, unless the collector had not seen m yet: then
			// m has lost its owner, and goes. Nothing may be stuck half-way.
			require.NotContains(t, w.names(), "[")
			require.NotContains(t, w.names(), "a")
		})
	}
}

func Example() {
	c, err := client.New(client.Config{BaseURL: "https://127.0.0.1:6443"})
	if err != nil {
		fmt.Println(err)
		return
	}
	gc := garbagecollector.New(c, nil, controller.Options{})
	fmt.Println(gc.Name(), "watches every kind it finds; run it with gc.Run(ctx)")
	// Output: garbage-collector watches every kind it finds; run it with gc.Run(ctx)
}
