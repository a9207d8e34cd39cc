package interop_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
)

// The stock helm installs, upgrades, rolls back and uninstalls a chart.
func TestHelm(t *testing.T) {
	helm, err := filepath.Abs("../bin/helm")
	require.NoError(t, err)
	if _, err := os.Stat(helm); err != nil {
		if helm, err = exec.LookPath("helm"); err != nil {
			t.Skipf("there is no helm: make helm builds one (%v)", err)
		}
	}
	c := start(t, clustertest.WithNodes(1))
	home := t.TempDir()
	require.NoError(t, os.Symlink(kubectlPath(t), filepath.Join(home, "kubectl")))
	require.NoError(t, os.Symlink(helm, filepath.Join(home, "helm")))
	play(t, "testdata/helm/chart.txt", []string{
		"PATH=" + home + ":" + os.Getenv("PATH"), "HOME=" + home, "TZ=UTC", "LANG=C",
		"KUBECONFIG=" + c.Kubeconfig(),
	})
}
