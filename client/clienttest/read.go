package clienttest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/client"
)

func names(items []*corev1.ConfigMap) (found []string) {
	for _, item := range items {
		found = append(found, item.Name)
	}
	slices.Sort(found)
	return found
}

func testSelectors(e *env) {
	for _, name := range []string{"a", "b", "c"} {
		e.configMap(name, name)
	}
	for _, test := range []struct {
		opts client.ListOptions
		want []string
	}{
		{client.ListOptions{}, []string{"a", "b", "c"}},
		{client.ListOptions{LabelSelector: "value in (a,c)"}, []string{"a", "c"}},
		{client.ListOptions{FieldSelector: "metadata.name=b"}, []string{"b"}},
	} {
		list, err := e.maps.List(e.Context(), e.namespace, test.opts)
		require.NoError(e, err)
		require.Equal(e, test.want, names(list.Items))
		require.NotEmpty(e, list.ResourceVersion)
		require.Equal(e, "ConfigMap", list.Items[0].Kind)
	}
	require.NoError(e, e.maps.DeleteCollection(e.Context(), e.namespace, client.ListOptions{LabelSelector: "value!=b"}))
	list, err := e.maps.List(e.Context(), e.namespace, client.ListOptions{})
	require.NoError(e, err)
	require.Equal(e, []string{"b"}, names(list.Items))
}

func testPages(e *env) {
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprint("m", i))
		e.configMap(want[i], "x")
	}
	var got []string
	opts := client.ListOptions{Limit: 3}
	version := ""
	for {
		page, err := e.maps.List(e.Context(), e.namespace, opts)
		require.NoError(e, err)
		require.LessOrEqual(e, len(page.Items), 3)
		if version == "" {
			version = page.ResourceVersion
			e.configMap("m1b", "new")
		}
		require.Equal(e, version, page.ResourceVersion)
		got = append(got, names(page.Items)...)
		if opts.Continue = page.Continue; opts.Continue == "" {
			break
		}
	}
	require.Equal(e, want, got)
}

// expect reads the next event that is no bookmark.
func (e *env) expect(w *client.Watch[*corev1.ConfigMap], want watch.EventType, name, value string) *corev1.ConfigMap {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.Context(), 10*time.Second)
	defer cancel()
	for {
		event, err := w.Next(ctx)
		require.NoError(e, err)
		if event.Type == watch.Bookmark {
			continue
		}
		require.Equal(e, fmt.Sprintf("%s %s=%s", want, name, value),
			fmt.Sprintf("%s %s=%s", event.Type, event.Object.Name, event.Object.Data["value"]))
		return event.Object
	}
}

func (e *env) watch(opts client.WatchOptions) *client.Watch[*corev1.ConfigMap] {
	e.Helper()
	w, err := e.maps.Watch(e.Context(), e.namespace, opts)
	require.NoError(e, err)
	e.Cleanup(w.Close)
	return w
}

func testWatch(e *env) {
	e.configMap("before", "1")
	list, err := e.maps.List(e.Context(), e.namespace, client.ListOptions{})
	require.NoError(e, err)
	e.configMap("a", "1")
	w := e.watch(client.WatchOptions{ResourceVersion: list.ResourceVersion})
	e.expect(w, watch.Added, "a", "1")
	last := e.set("a", "2")
	require.Equal(e, last, e.expect(w, watch.Modified, "a", "2"))
	e.delete("a")
	gone := e.expect(w, watch.Deleted, "a", "2")
	require.NotEqual(e, last.ResourceVersion, gone.ResourceVersion, "that of the deletion")

	again := e.watch(client.WatchOptions{ResourceVersion: gone.ResourceVersion})
	e.configMap("b", "1")
	e.expect(again, watch.Added, "b", "1")
	e.expect(w, watch.Added, "b", "1")
}

func testWatchList(e *env) {
	e.configMap("a", "1")
	e.configMap("b", "1")
	w := e.watch(client.WatchOptions{SendInitialEvents: true})
	e.expect(w, watch.Added, "a", "1")
	e.expect(w, watch.Added, "b", "1")
	event, err := w.Next(e.Context())
	require.NoError(e, err)
	require.Equal(e, watch.Bookmark, event.Type)
	require.True(e, client.InitialEventsEnd(event.Object))
	require.NotEmpty(e, event.Object.ResourceVersion)
	e.set("a", "2")
	e.expect(w, watch.Modified, "a", "2")

	empty := e.watch(client.WatchOptions{SendInitialEvents: true, LabelSelector: "no=such"})
	event, err = empty.Next(e.Context())
	require.NoError(e, err)
	require.Equal(e, watch.Bookmark, event.Type, "also when nothing matches")
}

func testWatchSelector(e *env) {
	first := e.configMap("a", "out")
	w := e.watch(client.WatchOptions{ResourceVersion: first.ResourceVersion, LabelSelector: "value=in"})
	e.set("a", "in")
	e.expect(w, watch.Added, "a", "in")
	e.set("a", "out")
	e.expect(w, watch.Deleted, "a", "in")
	e.set("a", "in")
	e.expect(w, watch.Added, "a", "in")
	e.delete("a")
	e.expect(w, watch.Deleted, "a", "in")
}

func testWatchEnds(e *env) {
	first := e.configMap("a", "1")
	w := e.watch(client.WatchOptions{ResourceVersion: first.ResourceVersion})
	w.Close()
	_, err := w.Next(e.Context())
	require.ErrorIs(e, err, context.Canceled)

	ctx, cancel := context.WithCancel(e.Context())
	w, err = e.maps.Watch(ctx, e.namespace, client.WatchOptions{ResourceVersion: first.ResourceVersion})
	require.NoError(e, err)
	cancel()
	_, err = w.Next(e.Context())
	require.ErrorIs(e, err, context.Canceled)
	w.Close()
}

func testMetadata(e *env) {
	made := e.configMap("a", "1")
	meta := client.Metadata(e.c, e.maps.Resource())
	obj, err := meta.Get(e.Context(), e.namespace, "a")
	require.NoError(e, err)
	require.Equal(e, made.ObjectMeta, obj.ObjectMeta)
	require.Equal(e, "ConfigMap", obj.Kind)
	list, err := meta.List(e.Context(), e.namespace, client.ListOptions{})
	require.NoError(e, err)
	require.Len(e, list.Items, 1)
	require.Equal(e, obj, list.Items[0])
	w, err := meta.Watch(e.Context(), e.namespace, client.WatchOptions{SendInitialEvents: true})
	require.NoError(e, err)
	defer w.Close()
	event, err := w.Next(e.Context())
	require.NoError(e, err)
	require.Equal(e, obj, event.Object)
	event, err = w.Next(e.Context())
	require.NoError(e, err)
	require.True(e, client.InitialEventsEnd(event.Object))

	_, err = meta.Create(e.Context(), obj)
	require.ErrorContains(e, err, "metadata client")
	require.NoError(e, meta.Delete(e.Context(), e.namespace, "a", client.Precondition(obj.UID, "")))
	_, err = meta.Get(e.Context(), e.namespace, "a")
	require.True(e, apierrors.IsNotFound(err), "%v", err)
}

func testDynamic(e *env) {
	objects := client.Dynamic(e.c, e.maps.Resource())
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"value": "1"},
		"metadata": map[string]any{"namespace": e.namespace, "name": "a"},
	}}
	made, err := objects.Create(e.Context(), obj)
	require.NoError(e, err)
	require.NotEmpty(e, made.GetUID())
	list, err := objects.List(e.Context(), e.namespace, client.ListOptions{})
	require.NoError(e, err)
	require.Len(e, list.Items, 1)
	require.Equal(e, made, list.Items[0])
}

func testDiscovery(e *env) {
	found, err := e.c.Discover(e.Context())
	require.NoError(e, err)
	registry := api.NewRegistry(found)
	for _, want := range []schema.GroupVersionKind{
		corev1.SchemeGroupVersion.WithKind("Namespace"), corev1.SchemeGroupVersion.WithKind("Pod"), corev1.SchemeGroupVersion.WithKind("ConfigMap"),
	} {
		got, known := registry.ForKind(want), kinds.Registry().ForKind(want)
		require.NotNil(e, got, want)
		require.Equal(e, known.Plural, got.Plural)
		require.Equal(e, known.Namespaced, got.Namespaced)
		require.True(e, client.Supports(got, "get", "list", "watch", "create", "update", "patch", "delete"), "%v", got.Verbs)
	}
}

func testInformer(e *env) {
	e.configMap("a", "1")
	inf := client.NewInformer(e.c, client.InformerOptions[*corev1.ConfigMap]{Namespace: e.namespace})
	told := make(chan string, 100)
	inf.OnChange(func(old, new *corev1.ConfigMap) {
		switch {
		case old == nil:
			told <- "+" + new.Data["value"]
		case new == nil:
			told <- "-" + old.Data["value"]
		default:
			told <- old.Data["value"] + ">" + new.Data["value"]
		}
	})
	ctx, cancel := context.WithCancel(e.Context())
	ended := make(chan error, 1)
	go func() { ended <- inf.Run(ctx) }()
	<-inf.Synced()
	e.set("a", "2")
	e.configMap("b", "3")
	e.delete("a")
	for _, want := range []string{"+1", "1>2", "+3", "-2"} {
		select {
		case got := <-told:
			require.Equal(e, want, got)
		case <-time.After(10 * time.Second):
			require.Fail(e, "the informer does not tell "+want)
		}
	}
	require.Equal(e, []string{"b"}, names(inf.List(e.namespace, nil)))
	cancel()
	require.NoError(e, <-ended)
}
