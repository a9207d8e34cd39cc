package cluster_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
)

func TestSmoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := cluster.New(cluster.Config{Nodes: cluster.Nodes(2), Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		select {
		case <-c.Ready():
		case err := <-done:
			t.Fatal(err)
		}
		pods := client.For[*corev1.Pod](c.Admin())
		time.Sleep(2 * time.Second)
		nodes, err := client.For[*corev1.Node](c.Admin()).List(ctx, "", client.ListOptions{})
		require.NoError(t, err)
		for _, n := range nodes.Items {
			t.Logf("%s %v", n.Name, n.Status.Conditions)
		}
		_, err = pods.Create(ctx, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "a"},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "a"}}},
		})
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		p, err := pods.Get(ctx, "default", "a")
		require.NoError(t, err)
		t.Logf("%s %+v", p.Spec.NodeName, p.Status)
		cancel()
		require.NoError(t, <-done)
	})
}
