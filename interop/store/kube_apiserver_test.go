package store_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/interop/store/programs"
	"github.com/coracle-k8s/coracle/pki"
)

// A kube is a real kube-apiserver on our store.
type kube struct {
	store, api *programs.Program
	http       *http.Client
	client     *client.Client
	maps       *client.Kind[*corev1.ConfigMap]
}

func startKube(t *testing.T) *kube {
	t.Helper()
	_, err := programs.Find("kube-apiserver")
	needs(t, err)
	k := &kube{store: program(t, programs.Coracle)}
	trust, err := pki.Open(t.TempDir())
	require.NoError(t, err)
	k.api, err = programs.KubeAPIServer(t.TempDir(), k.store, trust, t.Output())
	require.NoError(t, err)
	require.NoError(t, k.api.Start())
	t.Cleanup(func() { require.NoError(t, k.api.Kill()) })
	secure, err := trust.ClientTLS(pki.UserAdmin, pki.GroupMasters)
	require.NoError(t, err)
	k.http = &http.Client{Transport: &http.Transport{TLSClientConfig: secure, ForceAttemptHTTP2: true}}
	k.client, err = client.New(client.Config{BaseURL: "https://" + k.api.Address, Transport: k.http.Transport})
	require.NoError(t, err)
	k.maps = client.For[*corev1.ConfigMap](k.client)
	k.ready(t)
	return k
}

// ready waits until the API server and all its hooks are ready.
func (k *kube) ready(t *testing.T) {
	t.Helper()
	var err error
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err = k.client.Do(ctx, http.MethodGet, "/readyz", nil, nil, nil)
		return err == nil || !k.api.Running()
	}, 2*time.Minute, 100*time.Millisecond, "kube-apiserver is not ready")
	require.True(t, k.api.Running(), "kube-apiserver has ended")
	require.NoError(t, err)
}

// The real kube-apiserver lives on our store: it serves, and neither its restart
// nor the store's loses anything.
func TestKubeAPIServer(t *testing.T) {
	k := startKube(t)
	t.Run("serves", k.testServes)
	t.Run("lists in parts", k.testListsInParts)
	t.Run("compaction", k.testCompaction)
	t.Run("its restart", func(t *testing.T) {
		k.testSurvives(t, func() {
			require.NoError(t, k.api.Kill()) // asked nicely, it waits a minute for watches
			require.NoError(t, k.api.Start())
		})
	})
	t.Run("the store's restart", func(t *testing.T) {
		k.testSurvives(t, func() {
			require.NoError(t, k.store.Kill())
			require.NoError(t, k.store.Start())
			require.NoError(t, k.store.Ready(t.Context()))
		})
	})
}

// testServes takes an object through its life, under a watch.
func (k *kube) testServes(t *testing.T) {
	ctx := t.Context()
	list, err := k.maps.List(ctx, "default", client.ListOptions{})
	require.NoError(t, err)
	w, err := k.maps.Watch(ctx, "default", client.WatchOptions{ResourceVersion: list.ResourceVersion})
	require.NoError(t, err)
	defer w.Close()

	made, err := k.maps.Create(ctx, configMap("life", "born"))
	require.NoError(t, err)
	_, err = k.maps.Create(ctx, configMap("life", "again"))
	require.True(t, apierrors.IsAlreadyExists(err), "%v", err)
	stale := made.DeepCopy()
	made.Data["content"] = "grown"
	_, err = k.maps.Update(ctx, made)
	require.NoError(t, err)
	stale.Data["content"] = "late"
	_, err = k.maps.Update(ctx, stale)
	require.True(t, apierrors.IsConflict(err), "%v", err)
	require.NoError(t, k.maps.Delete(ctx, "default", "life"))
	_, err = k.maps.Get(ctx, "default", "life")
	require.True(t, apierrors.IsNotFound(err), "%v", err)

	var seen []string
	for len(seen) < 3 {
		e, err := w.Next(ctx)
		require.NoError(t, err)
		if e.Type != watch.Bookmark && e.Object.Name == "life" {
			seen = append(seen, fmt.Sprint(e.Type, " ", e.Object.Data["content"]))
		}
	}
	require.Equal(t, []string{"ADDED born", "MODIFIED grown", "DELETED grown"}, seen)

	// Pages of one revision.
	for i := range 25 {
		_, err := k.maps.Create(ctx, configMap(fmt.Sprintf("page-%02d", i), ""))
		require.NoError(t, err)
	}
	var names []string
	for opts := (client.ListOptions{Limit: 10, LabelSelector: "!none"}); ; {
		page, err := k.maps.List(ctx, "default", opts)
		require.NoError(t, err)
		for _, m := range page.Items {
			names = append(names, m.Name)
		}
		if opts.Continue = page.Continue; opts.Continue == "" {
			break
		}
	}
	require.Len(t, names, 25, "%v", names)
}

// testListsInParts sees by the metrics of kube-apiserver that it reads lists with
// RangeStream, which it gives up for ten minutes when it is refused.
func (k *kube) testListsInParts(t *testing.T) {
	response, err := k.http.Get("https://" + k.api.Address + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Regexp(t, `etcd_request_duration_seconds_count{[^}]*operation="listStream"`, string(metrics))
	require.NotRegexp(t, `etcd_request_errors_total{[^}]*operation="listStream"`, string(metrics))
}

// testCompaction waits until kube-apiserver has compacted the store, which it was
// told to do every few seconds, and sees that it goes on.
func (k *kube) testCompaction(t *testing.T) {
	c := dial(t, k.store)
	require.Eventually(t, func() bool {
		_, err := k.maps.Create(t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", GenerateName: "compaction-"}})
		require.NoError(t, err)
		// Its own key, which it writes at each compaction.
		r, err := c.Get(t.Context(), "compact_rev_key")
		if err != nil || len(r.Kvs) == 0 {
			return false
		}
		_, err = c.Get(t.Context(), "/", clientv3.WithRev(2))
		return err != nil
	}, time.Minute, time.Second, "nothing was compacted")
	k.testServesOn(t, "after-compaction")
}

// testSurvives interrupts something while a watch is open, and sees that what was
// there is there, that the API serves again, and that an informer catches up.
func (k *kube) testSurvives(t *testing.T, interrupt func()) {
	before, err := k.maps.List(t.Context(), "default", client.ListOptions{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	informer := client.NewInformer(k.client, client.InformerOptions[*corev1.ConfigMap]{Namespace: "default"})
	ended := make(chan error, 1)
	go func() { ended <- informer.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	<-informer.Synced()

	interrupt()
	k.ready(t)
	after, err := k.maps.List(t.Context(), "default", client.ListOptions{})
	require.NoError(t, err)
	require.Equal(t, before.Items, after.Items)
	name := "after-" + fmt.Sprint(time.Now().UnixNano())
	k.testServesOn(t, name)
	require.Eventually(t, func() bool {
		_, ok := informer.Get("default", name)
		return ok
	}, time.Minute, 10*time.Millisecond, "the informer has not caught up")
}

// testServesOn creates an object and reads it.
func (k *kube) testServesOn(t *testing.T, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := k.maps.Create(t.Context(), configMap(name, "here"))
		return err == nil || apierrors.IsAlreadyExists(err)
	}, time.Minute, 100*time.Millisecond)
	got, err := k.maps.Get(t.Context(), "default", name)
	require.NoError(t, err)
	require.Equal(t, "here", got.Data["content"])
}
