package interop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
)

// The sessions of testdata/kubectl, each with a cluster of its own.
func TestKubectl(t *testing.T) {
	kubectl := kubectlPath(t)
	stories, err := filepath.Glob("testdata/kubectl/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, stories)
	for _, path := range stories {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nodes := 1 // so that pods have no choice
			if name == "nodes" {
				nodes = 2
			}
			c := start(t, clustertest.WithNodes(nodes))
			home := t.TempDir()
			require.NoError(t, os.Symlink(kubectl, filepath.Join(home, "kubectl")))
			play(t, path, []string{
				"PATH=" + home + ":" + os.Getenv("PATH"), "HOME=" + home, "TZ=UTC", "LANG=C",
				"KUBECONFIG=" + c.Kubeconfig(), "KUBE_EDITOR=sed -i s/before/after/",
			})
		})
	}
}
