// Package split_test runs the example as its README says to.
package split_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts nine processes")
	}
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("network namespaces need Linux and root")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	t.Setenv("PATH", filepath.Join(root, "bin")+":"+os.Getenv("PATH"))
	for _, tool := range []string{"ip", "nsenter", "nft", "curl", "kubectl", "runc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the example needs %s: %v", tool, err)
		}
	}
	coracle := filepath.Join(t.TempDir(), "coracle")
	build := exec.Command("go", "build", "-o", coracle, "./cmd/coracle")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	run := exec.CommandContext(t.Context(), "./run.sh")
	run.Env = append(os.Environ(), "CORACLE="+coracle)
	out, err = run.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
	require.Contains(t, string(out), `successfully rolled out`)
	require.Contains(t, string(out), `"requests":10,"failed":0`)
	// The names are this run's own, so that a cluster beside it does no harm.
	machines := regexp.MustCompile(`coracle-\w+-(control|node-\d)\b`).FindAllString(string(out), -1)
	require.GreaterOrEqual(t, len(machines), 3)
	for _, name := range machines {
		require.NoFileExists(t, "/run/netns/"+name, "a network namespace is left behind")
	}
	require.NotContains(t, processes(t), coracle, "a process is left behind")
}

// processes are the command lines of all processes.
func processes(t *testing.T) string {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var all strings.Builder
	for _, f := range files {
		line, _ := os.ReadFile(f) // The process may have ended.
		all.WriteString(strings.ReplaceAll(string(line), "\x00", " ") + "\n")
	}
	return all.String()
}
