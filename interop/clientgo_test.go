package interop_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/retry"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
)

// restConfig is client-go's way into a cluster. The content type is protobuf for
// typed clients, unless json.
func restConfig(t *testing.T, c *clustertest.Cluster, json bool) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	require.NoError(t, err)
	config.QPS, config.Burst = 1000, 1000
	if !json {
		config.ContentType = runtime.ContentTypeProtobuf
		config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	}
	return config
}

func clientset(t *testing.T, c *clustertest.Cluster) *kubernetes.Clientset {
	t.Helper()
	client, err := kubernetes.NewForConfig(restConfig(t, c, false))
	require.NoError(t, err)
	return client
}

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "interop"}},
		Data:       map[string]string{"color": "red"},
	}
}

func TestClientGo_typed(t *testing.T) {
	t.Parallel()
	c := start(t, clustertest.WithNodes(0))
	for _, form := range []string{"json", "protobuf"} {
		t.Run(form, func(t *testing.T) {
			client, err := kubernetes.NewForConfig(restConfig(t, c, form == "json"))
			require.NoError(t, err)
			maps, ctx := client.CoreV1().ConfigMaps("default"), t.Context()

			made, err := maps.Create(ctx, configMap("a-"+form), metav1.CreateOptions{})
			require.NoError(t, err)
			require.NotEmpty(t, made.UID)
			_, err = maps.Create(ctx, configMap("a-"+form), metav1.CreateOptions{})
			require.True(t, apierrors.IsAlreadyExists(err), err)

			stale := made.DeepCopy()
			made.Data["color"] = "blue"
			made, err = maps.Update(ctx, made, metav1.UpdateOptions{})
			require.NoError(t, err)
			_, err = maps.Update(ctx, stale, metav1.UpdateOptions{})
			require.True(t, apierrors.IsConflict(err), err)
			require.NoError(t, retry.RetryOnConflict(retry.DefaultRetry, func() error {
				_, err := maps.Update(ctx, made, metav1.UpdateOptions{})
				return err
			}))

			patched, err := maps.Patch(ctx, made.Name, types.StrategicMergePatchType, []byte(`{"data":{"size":"7"}}`), metav1.PatchOptions{})
			require.NoError(t, err)
			require.Equal(t, map[string]string{"color": "blue", "size": "7"}, patched.Data)

			_, err = maps.Create(ctx, configMap("Not_A_Name"), metav1.CreateOptions{})
			require.True(t, apierrors.IsInvalid(err), err)
			status := err.(apierrors.APIStatus).Status()
			require.Equal(t, "metadata.name", status.Details.Causes[0].Field)

			dry, err := maps.Create(ctx, configMap("dry"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			require.NoError(t, err)
			_, err = maps.Get(ctx, dry.Name, metav1.GetOptions{})
			require.True(t, apierrors.IsNotFound(err), err)

			wrong := types.UID("wrong")
			err = maps.Delete(ctx, made.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &wrong}})
			require.True(t, apierrors.IsConflict(err), err)
			require.NoError(t, maps.Delete(ctx, made.Name, metav1.DeleteOptions{}))
			require.NoError(t, maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app=interop"}))
		})
	}
}

func TestClientGo_pages(t *testing.T) {
	t.Parallel()
	client := clientset(t, start(t, clustertest.WithNodes(0)))
	maps, ctx := client.CoreV1().ConfigMaps("default"), t.Context()
	for i := range 7 {
		_, err := maps.Create(ctx, configMap(fmt.Sprint("page-", i)), metav1.CreateOptions{})
		require.NoError(t, err)
	}
	var names []string
	options := metav1.ListOptions{LabelSelector: "app=interop", Limit: 3}
	for pages := 1; ; pages++ {
		list, err := maps.List(ctx, options)
		require.NoError(t, err)
		for _, item := range list.Items {
			names = append(names, item.Name)
		}
		if options.Continue = list.Continue; options.Continue == "" {
			require.Equal(t, 3, pages)
			break
		}
	}
	require.Equal(t, "page-0 page-1 page-2 page-3 page-4 page-5 page-6", strings.Join(names, " "))
}

func TestClientGo_dynamic_and_metadata(t *testing.T) {
	t.Parallel()
	c := start(t)
	client, err := dynamic.NewForConfig(restConfig(t, c, true))
	require.NoError(t, err)
	deployments := client.Resource(appsv1.SchemeGroupVersion.WithResource("deployments")).Namespace("default")
	made, err := deployments.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "web"},
		"spec": map[string]any{
			"replicas": int64(2),
			"selector": map[string]any{"matchLabels": map[string]any{"app": "web"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "web"}},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "web", "image": "web:v1"}}},
			},
		},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	strategy, _, err := unstructured.NestedString(made.Object, "spec", "strategy", "type")
	require.NoError(t, err)
	require.Equal(t, "RollingUpdate", strategy, "defaults are filled in")
	c.WaitFor("two ready pods", func() bool {
		got, err := deployments.Get(t.Context(), "web", metav1.GetOptions{})
		require.NoError(t, err)
		ready, _, err := unstructured.NestedInt64(got.Object, "status", "readyReplicas")
		require.NoError(t, err)
		return ready == 2
	})
	scale, err := deployments.Get(t.Context(), "web", metav1.GetOptions{}, "scale")
	require.NoError(t, err)
	require.Equal(t, "Scale", scale.GetKind())

	only, err := metadata.NewForConfig(restConfig(t, c, false))
	require.NoError(t, err)
	pods, err := only.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("default").
		List(t.Context(), metav1.ListOptions{LabelSelector: "app=web"})
	require.NoError(t, err)
	require.Len(t, pods.Items, 2)
	require.Equal(t, "ReplicaSet", pods.Items[0].OwnerReferences[0].Kind)
}

func TestClientGo_watch(t *testing.T) {
	t.Parallel()
	client := clientset(t, start(t, clustertest.WithNodes(0)))
	maps, ctx := client.CoreV1().ConfigMaps("default"), t.Context()
	list, err := maps.List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	watcher, err := maps.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion, LabelSelector: "app=interop", AllowWatchBookmarks: true})
	require.NoError(t, err)
	defer watcher.Stop()

	made, err := maps.Create(ctx, configMap("watched"), metav1.CreateOptions{})
	require.NoError(t, err)
	delete(made.Labels, "app") // It leaves what is watched.
	_, err = maps.Update(ctx, made, metav1.UpdateOptions{})
	require.NoError(t, err)
	for _, want := range []watch.EventType{watch.Added, watch.Deleted} {
		event := <-watcher.ResultChan()
		require.Equal(t, want, event.Type)
		require.Equal(t, "watched", event.Object.(*corev1.ConfigMap).Name)
	}

	_, err = maps.Watch(ctx, metav1.ListOptions{ResourceVersion: "nonsense"})
	require.True(t, apierrors.IsBadRequest(err), err)
}

// An informer lists by watching (WatchList, KEP-3157) where the server can.
func TestClientGo_informers(t *testing.T) {
	t.Parallel()
	c := start(t)
	config := restConfig(t, c, false)
	var initialEvents, lists atomic.Int32
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			switch query := r.URL.Query(); {
			case query.Get("sendInitialEvents") == "true":
				initialEvents.Add(1)
			case query.Get("watch") == "" && strings.HasSuffix(r.URL.Path, "/pods"):
				lists.Add(1)
			}
			return next.RoundTrip(r)
		})
	})
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods()
	var added, deleted atomic.Int32
	_, err = pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { added.Add(1) },
		DeleteFunc: func(any) { deleted.Add(1) },
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	defer cancel()
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		require.True(t, synced, kind)
	}
	require.EqualValues(t, 1, initialEvents.Load(), "the informer streams its list")
	require.Zero(t, lists.Load())

	c.Apply(strings.ReplaceAll(deploymentYAML, "REPLICAS", "3"))
	c.WaitFor("three pods in the cache", func() bool {
		found, err := pods.Lister().Pods("default").List(labels.SelectorFromSet(labels.Set{"app": "web"}))
		require.NoError(t, err)
		return len(found) == 3
	})
	require.NoError(t, client.AppsV1().Deployments("default").Delete(ctx, "web", metav1.DeleteOptions{}))
	c.WaitFor("no pods in the cache", func() bool {
		found, err := pods.Lister().List(labels.Everything())
		require.NoError(t, err)
		return len(found) == 0 && added.Load() >= 3 && added.Load() == deleted.Load()
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

const deploymentYAML = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
spec:
  replicas: REPLICAS
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: web:v1
        ports:
        - containerPort: 8080
`
