package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// bare and full are pods with as little and as much in their metadata as can be.
func messages() map[string]*corev1.Pod {
	deleted, grace, remaining := metav1.Unix(1767225600, 0), int64(30), true
	return map[string]*corev1.Pod{
		"bare": {},
		"full": {
			ObjectMeta: metav1.ObjectMeta{
				Name: "web", GenerateName: "we", Namespace: "shop", UID: "u", Generation: 3,
				CreationTimestamp: deleted, DeletionTimestamp: &deleted, DeletionGracePeriodSeconds: &grace,
				Labels: map[string]string{"a": "b", "c": "d"}, Annotations: map[string]string{"e": "f"},
				OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Controller: &remaining}},
				Finalizers:      []string{"x/y"},
				ManagedFields:   []metav1.ManagedFieldsEntry{{Manager: "m", FieldsV1: metav1.NewFieldsV1("{}")}},
			},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: string(make([]byte, 300))}}},
		},
	}
}

func TestMessage_isTheEncoding(t *testing.T) {
	codec := api.Codecs()
	list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "7", Continue: "c"}}
	empty, err := codec.EncodeBytes(list, api.Protobuf)
	require.NoError(t, err)
	around, ok := api.ParseListMessage(empty)
	require.True(t, ok)
	var items []byte
	for name, pod := range messages() {
		stored, err := codec.EncodeStored(pod)
		require.NoError(t, err)
		message, ok := api.ParseMessage(stored)
		require.True(t, ok, name)
		for _, revision := range []string{"", "1", "12345678901234567890"} {
			at := pod.DeepCopy()
			at.ResourceVersion = revision
			want, err := codec.EncodeBytes(at, api.Protobuf)
			require.NoError(t, err)
			require.Equal(t, want, message.Append(nil, revision), "%s at %q", name, revision)
			require.Equal(t, len(want), message.Size(revision), "%s at %q", name, revision)
			event := metav1.WatchEvent{Type: "ADDED", Object: runtime.RawExtension{Raw: want}}
			wantEvent, err := event.Marshal()
			require.NoError(t, err)
			require.Equal(t, wantEvent, message.AppendEvent(nil, "ADDED", revision))
			require.Equal(t, len(wantEvent), message.EventSize("ADDED", revision))
			list.Items = append(list.Items, *at)
			before := len(items)
			items = message.AppendItem(items, revision)
			require.Equal(t, len(items)-before, message.ItemSize(revision))
		}
	}
	want, err := codec.EncodeBytes(list, api.Protobuf)
	require.NoError(t, err)
	require.Equal(t, want, around.End(append(around.Begin(nil, len(items)), items...)))
	require.Equal(t, len(want), around.Size(len(items)))
}

func TestParseMessage_refuses(t *testing.T) {
	codec := api.Codecs()
	custom, err := codec.EncodeStored(&unstructured.Unstructured{Object: map[string]any{"apiVersion": "a/v1", "kind": "B"}})
	require.NoError(t, err)
	stamped, err := codec.EncodeBytes(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "7"}}, api.Protobuf)
	require.NoError(t, err)
	full, err := codec.EncodeStored(messages()["full"])
	require.NoError(t, err)
	for name, data := range map[string][]byte{
		"nothing": nil, "JSON": custom, "an object with a revision": stamped,
		"half an object": full[:len(full)/2], "the magic alone": full[:4],
	} {
		_, ok := api.ParseMessage(data)
		require.False(t, ok, name)
		_, ok = api.ParseListMessage(data)
		require.False(t, ok, name)
	}
}

func FuzzParseMessage(f *testing.F) {
	codec := api.Codecs()
	for _, pod := range messages() {
		stored, err := codec.EncodeStored(pod)
		require.NoError(f, err)
		f.Add(stored)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if message, ok := api.ParseMessage(data); ok {
			require.Len(t, message.Append(nil, "12"), message.Size("12"))
			require.Len(t, message.AppendItem(nil, "12"), message.ItemSize("12"))
		}
	})
}
