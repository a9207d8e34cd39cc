//go:build linux

package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	hybrid = `26 20 0:23 / /sys/fs/cgroup rw - tmpfs tmpfs rw
27 26 0:24 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
28 26 0:25 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
29 26 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
30 26 0:27 /part /elsewhere rw - cgroup cgroup rw,pids
`
	unified = "26 20 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
)

func TestParse(t *testing.T) {
	l, err := parse(strings.NewReader(hybrid))
	require.NoError(t, err)
	require.False(t, l.V2)
	require.Equal(t, []string{"/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"}, l.roots)
	require.Equal(t, "/sys/fs/cgroup/memory/p/memory.oom_control", l.OOMFile("/p"))

	l, err = parse(strings.NewReader(unified))
	require.NoError(t, err)
	require.True(t, l.V2)
	require.Equal(t, "/sys/fs/cgroup/p/memory.events", l.OOMFile("/p"))

	_, err = parse(strings.NewReader("nonsense\n"))
	require.Error(t, err)
}

func files(t *testing.T, dir string, content map[string]string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for name, text := range content {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
}

func TestStats(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	files(t, filepath.Join(one, "p"), map[string]string{
		"cpuacct.usage": "5000\n", "memory.usage_in_bytes": "1000\n", "memory.limit_in_bytes": "9223372036854771712\n",
		"memory.stat": "inactive_file 1\ntotal_inactive_file 300\ntotal_rss 600\ntotal_pgfault 7\n", "pids.current": "3\n",
	})
	v1 := Layout{roots: []string{one}, controllers: map[string]string{"cpuacct": one, "memory": one, "pids": one}}
	files(t, filepath.Join(two, "p"), map[string]string{
		"cpu.stat": "usage_usec 5\nuser_usec 1\n", "memory.current": "1000\n", "memory.max": "2000\n",
		"memory.stat": "anon 600\ninactive_file 300\npgfault 7\n", "pids.current": "3\n",
	})
	v2 := Layout{V2: true, roots: []string{two}}
	for name, c := range map[string]struct {
		layout Layout
		limit  uint64
	}{"v1": {v1, 0}, "v2": {v2, 2000}} {
		s, err := c.layout.Stats("/p")
		require.NoError(t, err, name)
		require.Equal(t, 5*time.Microsecond, s.CPU, name)
		require.EqualValues(t, 1000, s.Memory, name)
		require.EqualValues(t, 700, s.WorkingSet, name)
		require.EqualValues(t, 600, s.RSS, name)
		require.EqualValues(t, 7, s.PageFaults, name)
		require.EqualValues(t, 3, s.Processes, name)
		require.Equal(t, c.limit, s.Limit, name)
		_, err = c.layout.Stats("/gone")
		require.ErrorIs(t, err, os.ErrNotExist)
	}
}

func TestSetCPUShares(t *testing.T) {
	dir := t.TempDir()
	l := Layout{V2: true, roots: []string{dir}}
	for shares, weight := range map[int64]string{2: "1", 1024: "39", 262144: "10000", 0: "1"} {
		files(t, filepath.Join(dir, "p"), map[string]string{"cpu.weight": ""})
		require.NoError(t, l.SetCPUShares("/p", shares))
		raw, err := os.ReadFile(filepath.Join(dir, "p", "cpu.weight"))
		require.NoError(t, err)
		require.Equal(t, weight, string(raw))
	}
}

func TestRemove_refuses_the_root(t *testing.T) {
	require.Error(t, Layout{roots: []string{t.TempDir()}}.Remove("/x/.."))
}
