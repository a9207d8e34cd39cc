package apiserver_test

import (
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/api"
)

// decode reads an object in protobuf.
func (f *fixture) decode(data []byte) runtime.Object {
	f.t.Helper()
	found, err := api.Codecs().Decode(data, api.Protobuf, schema.GroupVersionKind{}, nil)
	require.NoError(f.t, err)
	require.False(f.t, found.Kind.Empty())
	return found.Object
}

// inBothForms reads the same in both forms, and both must say the same.
func (f *fixture) inBothForms(path string) any {
	f.t.Helper()
	compact := f.request("GET", path, "", "Accept: "+api.Protobuf)
	require.Equal(f.t, 200, compact.Code, "%s", compact.Body)
	require.Equal(f.t, fmt.Sprint(compact.Body.Len()), compact.Header().Get("Content-Length"))
	found := f.decode(compact.Body.Bytes())
	text := f.request("GET", path, "", "Accept: "+api.JSON)
	readable, err := api.Codecs().Decode(text.Body.Bytes(), api.JSON, schema.GroupVersionKind{}, nil)
	require.NoError(f.t, err)
	again, err := api.Codecs().EncodeBytes(readable.Object, api.Protobuf)
	require.NoError(f.t, err)
	require.Equal(f.t, f.decode(again), found, path)
	return found
}

// Protobuf answers are made of the bytes in the store; they say what JSON says.
func TestProtobuf_says_what_JSON_says(t *testing.T) {
	f := start(t)
	for i := range 5 {
		f.ok("POST", pods, fmt.Sprintf(podBody, i, i%2))
	}
	// Somebody who knew fewer defaults, and wrote no bytes that we would.
	old := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p9", Namespace: "default", Labels: map[string]string{"app": "web"}}}
	old.Spec.NodeName = "n1"
	stored, err := api.Codecs().EncodeStored(old)
	require.NoError(t, err)
	_, err = f.store.Create(t.Context(), "/registry/pods/default/p9", stored, 0)
	require.NoError(t, err)

	require.Equal(t, "p3", f.inBothForms(pods+"/p3").(*corev1.Pod).Name)
	aged := f.inBothForms(pods + "/p9").(*corev1.Pod)
	require.Equal(t, corev1.RestartPolicyAlways, aged.Spec.RestartPolicy, "a default that was not stored")
	for query, want := range map[string]int{
		"": 6, "?limit=2": 2, "?labelSelector=app%3Dweb": 6, "?labelSelector=app%3Ddb": 0,
		"?fieldSelector=spec.nodeName%3Dn1": 3, "?fieldSelector=spec.nodeName%3Dn1,metadata.name%3Dp9": 1,
		"?fieldSelector=spec.nodeName%3Dnone": 0, "?fieldSelector=spec.nodeName!%3Dn1": 3,
	} {
		list := f.inBothForms(pods + query).(*corev1.PodList)
		require.Len(t, list.Items, want, query)
		require.Equal(t, want == 2, list.Continue != "", query)
	}
	f.ok("DELETE", pods+"/p9?gracePeriodSeconds=0", "")
	require.Len(t, f.inBothForms(pods+"?fieldSelector=spec.nodeName%3Dn1").(*corev1.PodList).Items, 2)
}

// A long list is compressed in parts that are used again; however it has come to
// be, it is what the client would have got without compression.
func TestList_compressed(t *testing.T) {
	f := start(t)
	check := func(path string) {
		t.Helper()
		plain := f.request("GET", path, "", "Accept: "+api.Protobuf)
		small := f.request("GET", path, "", "Accept: "+api.Protobuf, "Accept-Encoding: gzip")
		require.Equal(t, "gzip", small.Header().Get("Content-Encoding"))
		require.Equal(t, fmt.Sprint(small.Body.Len()), small.Header().Get("Content-Length"))
		require.Less(t, small.Body.Len(), plain.Body.Len()/5)
		zip, err := gzip.NewReader(small.Body)
		require.NoError(t, err)
		zip.Multistream(false) // one stream, for clients that know no more
		unpacked, err := io.ReadAll(zip)
		require.NoError(t, err, "the checksum of the whole")
		require.Equal(t, plain.Body.Bytes(), unpacked)
	}
	ofNode := pods + "?fieldSelector=spec.nodeName%3Dn1"
	for i := range 700 {
		f.ok("POST", pods, fmt.Sprintf(podBody, i, i%2))
	}
	for range 2 {
		check(pods)
		check("/api/v1/pods")
		check(ofNode)
	}
	f.ok("PATCH", pods+"/p300", `{"metadata":{"labels":{"x":"y"}}}`)
	f.ok("POST", pods, fmt.Sprintf(podBody, 9000, 1))
	check(ofNode)
	check(pods)
	for i := range 100 {
		f.ok("DELETE", fmt.Sprintf("%s/p%d?gracePeriodSeconds=0", pods, 3*i), "")
	}
	check(pods)
}

// Lists by label and node come from an index, which follows what changes.
func TestList_index_follows_changes(t *testing.T) {
	f := start(t)
	names := func(query string) []string { return f.ok("GET", pods+query, "").names() }
	names("") // from here on the cache is kept
	for i := range 4 {
		f.ok("POST", pods, fmt.Sprintf(podBody, i, i%2))
	}
	both := "?labelSelector=app%3Dweb,tier+in+(front)&fieldSelector=spec.nodeName%3Dn1"
	require.Empty(t, names(both))
	for _, name := range []string{"p3", "p1", "p2"} {
		f.ok("PATCH", pods+"/"+name, `{"metadata":{"labels":{"tier":"front"}}}`)
	}
	require.Equal(t, []string{"p1", "p3"}, names(both))
	require.Equal(t, []string{"p1", "p2", "p3"}, names("?labelSelector=tier%3Dfront"))
	f.ok("PATCH", pods+"/p1", `{"metadata":{"labels":{"tier":"back"}}}`)
	f.ok("DELETE", pods+"/p2?gracePeriodSeconds=0", "")
	require.Equal(t, []string{"p3"}, names("?labelSelector=tier%3Dfront"))
	require.Equal(t, []string{"p0", "p1"}, names("?labelSelector=tier!%3Dfront"))
	require.Equal(t, []string{"p1"}, names("?labelSelector=tier,tier!%3Dfront"))
	require.Empty(t, names("?labelSelector=tier%3Dfront,tier%3Dback"))
}

// A watch's frames are made of them, too.
func TestProtobuf_watch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.ok("POST", pods, fmt.Sprintf(podBody, 1, 1))
		w := f.watch(pods+"?watch=true&fieldSelector=spec.nodeName%3Dn1", "Accept: "+api.Protobuf)
		next := func(eventType watch.EventType) *corev1.Pod {
			t.Helper()
			var length [4]byte
			_, err := io.ReadFull(w.body, length[:])
			require.NoError(t, err)
			frame := make([]byte, binary.BigEndian.Uint32(length[:]))
			_, err = io.ReadFull(w.body, frame)
			require.NoError(t, err)
			var event metav1.WatchEvent
			require.NoError(t, event.Unmarshal(frame))
			require.Equal(t, string(eventType), event.Type)
			return f.decode(event.Object.Raw).(*corev1.Pod)
		}
		require.Equal(t, "p1", next(watch.Added).Name)
		f.ok("POST", pods, fmt.Sprintf(podBody, 2, 1))
		f.ok("POST", pods, fmt.Sprintf(podBody, 3, 2)) // on another node
		require.Equal(t, "p2", next(watch.Added).Name)
		changed := f.ok("PATCH", pods+"/p2", `{"metadata":{"labels":{"x":"y"}}}`)
		seen := next(watch.Modified)
		require.Equal(t, "y", seen.Labels["x"])
		require.Equal(t, changed.revision(), seen.ResourceVersion)
		f.ok("DELETE", pods+"/p2?gracePeriodSeconds=0", "")
		gone := next(watch.Deleted)
		require.Equal(t, "y", gone.Labels["x"])
		require.Greater(t, gone.ResourceVersion, seen.ResourceVersion)
	})
}
