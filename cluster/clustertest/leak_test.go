package clustertest_test

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster/clustertest"
)

// TestNew_leavesNothing is not parallel, since it counts what is in the process.
func TestNew_leavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	before := ours()
	t.Run("cluster", func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithKubeconfig())
		c.Apply(web)
		c.WaitFor("the pod", func() bool {
			return clustertest.Get[*corev1.Pod](c, "default", "web").Status.Phase == corev1.PodRunning
		})
		outside, err := client.FromKubeconfig(c.Kubeconfig())
		require.NoError(t, err)
		pods, err := client.For[*corev1.Pod](outside).List(t.Context(), "", client.ListOptions{})
		require.NoError(t, err)
		require.Len(t, pods.Items, 1)
	})
	after := ours()
	for i := 0; len(after) > len(before) && i < 100; i++ {
		runtime.Gosched() // a goroutine that has been told to end needs a turn to do so
		after = ours()
	}
	require.Equal(t, before, after, "goroutines")
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Empty(t, left, "files")
}

// ours returns the goroutines that run code of this project, without this one.
func ours() []string {
	buf := make([]byte, 1<<22)
	buf = buf[:runtime.Stack(buf, true)]
	var out []string
	for _, g := range strings.Split(string(buf), "\n\n")[1:] {
		if strings.Contains(g, "coracle-k8s/coracle/") && !strings.Contains(g, "clustertest_test.Test") {
			out = append(out, g)
		}
	}
	return out
}
