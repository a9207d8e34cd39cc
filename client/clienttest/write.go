package clienttest

import (
	"context"
	"errors"
	"fmt"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

func testLifecycle(e *env) {
	made := e.configMap("a", "1")
	require.NotEmpty(e, made.UID)
	require.NotEmpty(e, made.ResourceVersion)
	require.Equal(e, "ConfigMap", made.Kind)
	require.Equal(e, "v1", made.APIVersion)

	read, err := e.maps.Get(e.Context(), e.namespace, "a")
	require.NoError(e, err)
	require.Equal(e, made, read)

	read.Data["value"] = "2"
	written, err := e.maps.Update(e.Context(), read)
	require.NoError(e, err)
	require.Equal(e, "2", written.Data["value"])
	require.Equal(e, made.UID, written.UID)
	require.NotEqual(e, made.ResourceVersion, written.ResourceVersion)

	e.delete("a")
	_, err = e.maps.Get(e.Context(), e.namespace, "a")
	require.True(e, apierrors.IsNotFound(err), "%v", err)
}

func testErrors(e *env) {
	made := e.configMap("a", "1")
	made.ResourceVersion = ""
	_, err := e.maps.Create(e.Context(), made)
	require.True(e, apierrors.IsAlreadyExists(err), "%v", err)
	made.Name = "Not_A_Name"
	_, err = e.maps.Create(e.Context(), made)
	require.True(e, apierrors.IsInvalid(err), "%v", err)
	err = e.maps.Delete(e.Context(), e.namespace, "none")
	require.True(e, apierrors.IsNotFound(err), "%v", err)
	err = e.c.Do(e.Context(), "GET", "/apis/no.such.group/v1", nil, nil, nil)
	require.True(e, apierrors.IsNotFound(err), "%v", err)
	_, err = e.maps.List(e.Context(), e.namespace, client.ListOptions{LabelSelector: "!!"})
	require.True(e, apierrors.IsBadRequest(err), "%v", err)
	_, err = e.maps.Patch(e.Context(), e.namespace, "a", types.JSONPatchType, []byte("{"))
	require.True(e, apierrors.IsBadRequest(err), "%v", err)
}

func testConflict(e *env) {
	first := e.configMap("a", "1")
	e.set("a", "2")
	first.Data["value"] = "late"
	_, err := e.maps.Update(e.Context(), first)
	require.True(e, apierrors.IsConflict(err), "%v", err)
	now, err := e.maps.Get(e.Context(), e.namespace, "a")
	require.NoError(e, err)
	require.Equal(e, "2", now.Data["value"])
}

func testModify(e *env) {
	e.configMap("a", "1")
	tries := 0
	cm, err := e.maps.Modify(e.Context(), e.namespace, "a", func(cm *corev1.ConfigMap) error {
		if tries++; tries == 1 {
			e.set("a", "between")
		}
		cm.Data["seen"] = cm.Data["value"]
		return nil
	})
	require.NoError(e, err)
	require.Equal(e, 2, tries)
	require.Equal(e, "between", cm.Data["seen"])

	same, err := e.maps.Modify(e.Context(), e.namespace, "a", func(*corev1.ConfigMap) error { return nil })
	require.NoError(e, err)
	require.Equal(e, cm.ResourceVersion, same.ResourceVersion)

	enough := errors.New("enough")
	_, err = e.maps.Modify(e.Context(), e.namespace, "a", func(*corev1.ConfigMap) error { return enough })
	require.ErrorIs(e, err, enough)
}

func testConcurrentModify(e *env) {
	e.configMap("a", "1")
	group, ctx := errgroup.WithContext(e.Context())
	for i := range 4 {
		group.Go(func() error {
			_, err := e.maps.Modify(ctx, e.namespace, "a", func(cm *corev1.ConfigMap) error {
				cm.Data[fmt.Sprint(i)] = "here"
				return nil
			})
			return err
		})
	}
	require.NoError(e, group.Wait())
	cm, err := e.maps.Get(e.Context(), e.namespace, "a")
	require.NoError(e, err)
	require.Len(e, cm.Data, 5)
}

func testStatus(e *env) {
	e.pod("p")
	change := func(pod *corev1.Pod) error {
		pod.Status.Message = "told"
		pod.Labels = map[string]string{"told": "yes"}
		pod.Spec.ActiveDeadlineSeconds = new(int64(60))
		return nil
	}
	pod, err := e.pods.ModifyStatus(e.Context(), e.namespace, "p", change)
	require.NoError(e, err)
	require.Equal(e, "told", pod.Status.Message)
	require.Nil(e, pod.Spec.ActiveDeadlineSeconds)

	pod, err = e.pods.Modify(e.Context(), e.namespace, "p", func(pod *corev1.Pod) error {
		pod.Status.Message = "ignored"
		pod.Labels = map[string]string{"new": "yes"}
		return nil
	})
	require.NoError(e, err)
	require.Equal(e, "told", pod.Status.Message)
	require.Equal(e, map[string]string{"new": "yes"}, pod.Labels)
}

func testPatch(e *env) {
	e.configMap("a", "1")
	for _, patch := range []struct {
		kind types.PatchType
		data string
		want map[string]string
	}{
		{types.MergePatchType, `{"data":{"value":null,"x":"1"}}`, map[string]string{"x": "1"}},
		{types.JSONPatchType, `[{"op":"add","path":"/data/y","value":"2"}]`, map[string]string{"x": "1", "y": "2"}},
		{types.StrategicMergePatchType, `{"data":{"x":"3"}}`, map[string]string{"x": "3", "y": "2"}},
	} {
		cm, err := e.maps.Patch(e.Context(), e.namespace, "a", patch.kind, []byte(patch.data))
		require.NoError(e, err)
		require.Equal(e, patch.want, cm.Data)
	}
	e.pod("p")
	pod, err := e.pods.Patch(e.Context(), e.namespace, "p", types.StrategicMergePatchType,
		[]byte(`{"status":{"conditions":[{"type":"Ready","status":"True"}]}}`), "status")
	require.NoError(e, err)
	require.Len(e, pod.Status.Conditions, 1)
}

func testPreconditions(e *env) {
	made := e.configMap("a", "1")
	for _, wrong := range []client.DeleteOption{client.Precondition("other", ""), client.Precondition(made.UID, "1")} {
		err := e.maps.Delete(e.Context(), e.namespace, "a", wrong)
		require.True(e, apierrors.IsConflict(err), "%v", err)
	}
	e.delete("a", client.Precondition(made.UID, made.ResourceVersion))
}

func testBinding(e *env) {
	pod := e.pod("p")
	stranger := api.Clone(pod)
	stranger.UID = "other"
	require.Error(e, client.Bind(e.Context(), e.c, stranger, "n1"), "another pod of the name")
	require.NoError(e, client.Bind(e.Context(), e.c, pod, "n1"))
	bound, err := e.pods.Get(e.Context(), e.namespace, "p")
	require.NoError(e, err)
	require.Equal(e, "n1", bound.Spec.NodeName)
	err = client.Bind(context.WithoutCancel(e.Context()), e.c, pod, "n2")
	require.True(e, apierrors.IsConflict(err), "%v", err)
}
