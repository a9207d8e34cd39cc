package api_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

func somePod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
	}
}

func decode(t *testing.T, data []byte, mediaType string) api.Decoded {
	t.Helper()
	found, err := api.Codecs().Decode(data, mediaType, schema.GroupVersionKind{}, nil)
	require.NoError(t, err)
	return found
}

// Every form says what it is, though Go code does not set the kind of a typed
// object; and encoding leaves the object, which may be shared, alone.
func TestCodec_EveryFormNamesItsKind(t *testing.T) {
	for _, mediaType := range []string{api.JSON, api.YAML, api.Protobuf} {
		pod := somePod()
		data, err := api.Codecs().EncodeBytes(pod, mediaType)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(somePod(), pod), "encoding changed its object")

		found := decode(t, data, mediaType)
		require.Equal(t, corev1.SchemeGroupVersion.WithKind("Pod"), found.Kind)
		got := found.Object.(*corev1.Pod)
		got.TypeMeta = metav1.TypeMeta{}
		require.Empty(t, cmp.Diff(somePod(), got), mediaType)
	}
}

func TestCodec_Lists(t *testing.T) {
	list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}, Items: []corev1.Pod{*somePod(), *somePod()}}
	for _, mediaType := range []string{api.JSON, api.YAML, api.Protobuf} {
		data, err := api.Codecs().EncodeBytes(list, mediaType)
		require.NoError(t, err)
		found := decode(t, data, mediaType)
		require.Equal(t, "PodList", found.Kind.Kind)
		require.Len(t, found.Object.(*corev1.PodList).Items, 2)
	}
}

func TestCodec_StrictFindings(t *testing.T) {
	for _, c := range []struct{ name, mediaType, data, want string }{
		{
			"a field that a pod does not have", api.JSON,
			`{"apiVersion":"v1","kind":"Pod","metadata":{"unknownMeta":1},"spec":{"unknownField":1}}`,
			`strict decoding error: unknown field "metadata.unknownMeta", unknown field "spec.unknownField"`,
		},
		{
			"names are case sensitive", api.JSON,
			`{"apiVersion":"v1","kind":"Pod","Spec":{}}`,
			`strict decoding error: unknown field "Spec"`,
		},
		{
			"a field given twice", api.JSON,
			`{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"1","a":"2"},"immutable":true,"immutable":false}`,
			`strict decoding error: duplicate field "data.a", duplicate field "immutable"`,
		},
		{
			"a key given twice in YAML", api.YAML,
			"apiVersion: v1\nkind: ConfigMap\ndata:\n  foo: a\n  foo: b\n",
			"strict decoding error: yaml: unmarshal errors:\n  line 5: key \"foo\" already set in map",
		},
	} {
		found := decode(t, []byte(c.data), c.mediaType)
		require.NotNil(t, found.Object, "%s does not keep the rest from being decoded", c.name)
		require.EqualError(t, api.StrictError(found.Strict), c.want, c.name)
	}
	found := decode(t, []byte(`{"apiVersion":"v1","kind":"Pod"}`), api.JSON)
	require.NoError(t, api.StrictError(found.Strict))
}

func TestCodec_BadData(t *testing.T) {
	pod := corev1.SchemeGroupVersion.WithKind("Pod")
	decodeAs := func(data, mediaType string, kind schema.GroupVersionKind) error {
		_, err := api.Codecs().Decode([]byte(data), mediaType, kind, nil)
		return err
	}
	require.True(t, runtime.IsMissingKind(decodeAs(`{}`, api.JSON, schema.GroupVersionKind{})))
	require.True(t, runtime.IsMissingVersion(decodeAs(`{"kind":"Pod"}`, api.JSON, schema.GroupVersionKind{})))
	require.NoError(t, decodeAs(`{"kind":"Pod"}`, api.JSON, pod))
	require.NoError(t, decodeAs(`{}`, api.JSON, pod))
	require.True(t, runtime.IsNotRegisteredError(decodeAs(`{"apiVersion":"v1","kind":"Boat"}`, api.JSON, pod)))
	require.Error(t, decodeAs(`{"apiVersion":"v1","kind":`, api.JSON, pod))
	require.Error(t, decodeAs("a: b: c", api.YAML, pod))
	require.Error(t, decodeAs("not protobuf", api.Protobuf, pod))
	require.ErrorContains(t, decodeAs(`{"spec":{"replicas":"three"}}`, api.JSON, autoscalingv1.SchemeGroupVersion.WithKind("Scale")),
		"cannot unmarshal string")

	var unknown *api.MediaTypeError
	require.ErrorAs(t, decodeAs(`{}`, "text/html", pod), &unknown)
	require.ErrorAs(t, api.Codecs().Encode(somePod(), "text/html", &bytes.Buffer{}), &unknown)
	require.Equal(t, "text/html", unknown.MediaType)
	require.False(t, api.Codecs().Supports("text/html"))
}

func TestCodec_Into(t *testing.T) {
	data := []byte(`{"metadata":{"name":"web"}}`)
	var pod corev1.Pod
	found, err := api.Codecs().Decode(data, api.JSON, corev1.SchemeGroupVersion.WithKind("Pod"), &pod)
	require.NoError(t, err)
	require.Same(t, &pod, found.Object)
	require.Equal(t, "web", pod.Name)

	// What the data says of itself counts for more than what was expected.
	data = []byte(`{"apiVersion":"v1","kind":"Secret"}`)
	found, err = api.Codecs().Decode(data, api.JSON, schema.GroupVersionKind{}, &pod)
	require.NoError(t, err)
	require.IsType(t, &corev1.Secret{}, found.Object)
}

// A custom resource is decoded into maps and has no protobuf.
func TestCodec_CustomResources(t *testing.T) {
	data := []byte(`{"apiVersion":"example.com/v1","kind":"Boat","metadata":{"name":"a"},"spec":{"oars":2,"oars":3}}`)
	boat := &unstructured.Unstructured{}
	found, err := api.Codecs().Decode(data, api.JSON, schema.GroupVersionKind{}, boat)
	require.NoError(t, err)
	require.Equal(t, "Boat", found.Kind.Kind)
	require.EqualError(t, api.StrictError(found.Strict), `strict decoding error: duplicate field "spec.oars"`)

	stored, err := api.Codecs().EncodeStored(boat)
	require.NoError(t, err)
	require.Equal(t, byte('{'), stored[0])
	again, err := api.Codecs().DecodeStored(stored, &unstructured.Unstructured{})
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(boat, again))

	require.Error(t, api.Codecs().Encode(boat, api.Protobuf, &bytes.Buffer{}))
}

func TestCodec_Stored(t *testing.T) {
	stored, err := api.Codecs().EncodeStored(somePod())
	require.NoError(t, err)
	require.Equal(t, "k8s\x00", string(stored[:4]), "kube-apiserver would know it by that")
	obj, err := api.Codecs().DecodeStored(stored, &corev1.Pod{})
	require.NoError(t, err)
	require.Equal(t, "web", obj.(*corev1.Pod).Name)

	_, err = api.Codecs().DecodeStored([]byte("rubbish"), &corev1.Pod{})
	require.ErrorContains(t, err, "decode stored object")
}

func TestCodec_Concurrent(t *testing.T) {
	pod := somePod()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, mediaType := range []string{api.JSON, api.YAML, api.Protobuf} {
				data, err := api.Codecs().EncodeBytes(pod, mediaType)
				if err == nil {
					_, err = api.Codecs().Decode(data, mediaType, schema.GroupVersionKind{}, nil)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// Whatever arrives, decoding ends with an object or an error; what it takes, it
// can write down again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"a","image":"b"}]}}`), uint8(0))
	f.Add([]byte("apiVersion: v1\nkind: Service\nspec:\n  ports: [{port: 80}]\n"), uint8(1))
	for _, obj := range []runtime.Object{somePod(), &corev1.PodList{Items: []corev1.Pod{*somePod()}}, &metav1.Status{Code: 404}} {
		data, err := api.Codecs().EncodeBytes(obj, api.Protobuf)
		require.NoError(f, err)
		f.Add(data, uint8(2))
	}
	mediaTypes := []string{api.JSON, api.YAML, api.Protobuf}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		mediaType := mediaTypes[int(which)%len(mediaTypes)]
		found, err := api.Codecs().Decode(data, mediaType, corev1.SchemeGroupVersion.WithKind("Pod"), nil)
		if err != nil {
			return
		}
		require.NotNil(t, found.Object)
		_, err = api.Codecs().EncodeBytes(found.Object, api.Protobuf)
		require.NoError(t, err)
	})
}

func BenchmarkCodec_Stored(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		data, err := api.Codecs().EncodeStored(somePod())
		if err == nil {
			_, err = api.Codecs().DecodeStored(data, &corev1.Pod{})
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
