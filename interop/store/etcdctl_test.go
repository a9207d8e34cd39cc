package store_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/interop/store/programs"
	"github.com/coracle-k8s/coracle/store/boltstore"
)

// A ctl runs etcdctl against one server.
type ctl struct {
	t    *testing.T
	path string
	p    *programs.Program
}

func newCtl(t *testing.T, p *programs.Program) ctl {
	path, err := programs.Find("etcdctl")
	needs(t, err)
	return ctl{t, path, p}
}

func (c ctl) command(args ...string) *exec.Cmd {
	return exec.CommandContext(c.t.Context(), c.path, append([]string{"--endpoints", c.p.Address}, args...)...)
}

// run returns what etcdctl prints, without the last line feed.
func (c ctl) run(args ...string) string {
	c.t.Helper()
	cmd := c.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(c.t, err, "etcdctl %s: %s", strings.Join(args, " "), &stderr)
	return strings.TrimSuffix(string(out), "\n")
}

// fails returns what etcdctl says when it must fail.
func (c ctl) fails(args ...string) string {
	c.t.Helper()
	out, err := c.command(args...).CombinedOutput()
	require.Error(c.t, err, "etcdctl %s: %s", strings.Join(args, " "), out)
	return string(out)
}

func TestEtcdctl_keys(t *testing.T) {
	c := newCtl(t, program(t, programs.Coracle))
	require.Equal(t, "OK", c.run("put", "boat", "coracle"))
	require.Equal(t, "OK\nboat\ncoracle", c.run("put", "--prev-kv", "boat", "curragh"))
	require.Equal(t, "OK", c.run("put", "boathook", "ash"))
	require.Equal(t, "boat\ncurragh", c.run("get", "boat"))
	require.Equal(t, "boat\ncoracle", c.run("get", "--rev=2", "boat"))
	require.Equal(t, []string{"boat", "boathook"}, strings.Fields(c.run("get", "--prefix", "--keys-only", "boat")))
	require.Equal(t, "boathook\nash\nboat\ncurragh", c.run("get", "--prefix", "--order=DESCEND", "boat"))
	require.Equal(t, "boat\ncurragh", c.run("get", "--prefix", "--limit=1", "boat"))
	require.Contains(t, c.run("get", "--prefix", "--count-only", "--write-out=fields", "boat"), "\"Count\" : 2")
	require.Equal(t, "2", c.run("del", "--prefix", "boat"))
	require.Empty(t, c.run("get", "--from-key", ""))

	// compaction
	require.Contains(t, c.run("compaction", "3"), "compacted revision 3")
	require.Contains(t, c.fails("get", "--rev=2", "boat"), "required revision has been compacted")
	require.Equal(t, "boat\ncurragh", c.run("get", "--rev=4", "boat"))
	require.Contains(t, c.fails("get", "--rev=99", "boat"), "required revision is a future revision")
}

func TestEtcdctl_txn(t *testing.T) {
	c := newCtl(t, program(t, programs.Coracle))
	run := func(script string) string {
		cmd := c.command("txn")
		cmd.Stdin = strings.NewReader(script)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	const create = "mod(\"k\") = \"0\"\n\nput k first\n\nget k\n\n"
	require.Contains(t, run(create), "SUCCESS")
	require.Regexp(t, "FAILURE(.|\n)*first", run(create))
}

func TestEtcdctl_watch(t *testing.T) {
	c := newCtl(t, program(t, programs.Coracle))
	c.run("put", "a/1", "old")
	watch := c.command("watch", "--prefix", "--prev-kv", "--rev=2", "a/")
	out, err := watch.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, watch.Start())
	defer func() { _ = watch.Wait() }()
	defer func() { _ = watch.Process.Kill() }()
	c.run("put", "a/1", "new")
	c.run("put", "b/1", "elsewhere")
	c.run("del", "a/1")
	lines := bufio.NewScanner(out)
	for _, want := range []string{
		"PUT", "a/1", "old",
		"PUT", "a/1", "old", "a/1", "new",
		"DELETE", "a/1", "new", "a/1", "",
	} {
		require.True(t, lines.Scan(), "the watch ended before %q", want)
		require.Equal(t, want, lines.Text())
	}
}

func TestEtcdctl_lease(t *testing.T) {
	c := newCtl(t, program(t, programs.Coracle))
	grant := func(ttl string) string { return strings.Fields(c.run("lease", "grant", ttl))[1] }
	id := grant("60")
	c.run("put", "--lease="+id, "mortal", "v")
	require.Contains(t, c.run("lease", "timetolive", "--keys", id), "attached keys([mortal])")
	require.Contains(t, c.run("lease", "keep-alive", "--once", id), "keepalived with TTL(60)")
	require.Contains(t, c.run("lease", "list"), id)
	require.NoError(t, c.p.Kill())
	require.NoError(t, c.p.Start())
	require.NoError(t, c.p.Ready(t.Context()))
	require.Contains(t, c.run("lease", "timetolive", "--keys", id), "attached keys([mortal])")
	require.Contains(t, c.run("lease", "revoke", id), "revoked")
	require.Empty(t, c.run("get", "mortal"))
	require.Contains(t, c.fails("lease", "revoke", id), "requested lease not found")

	// One that runs out by itself deletes its key, which a watch sees.
	c.run("put", "--lease="+grant("1"), "short", "v")
	watch := c.command("watch", "--rev=2", "short")
	out, err := watch.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, watch.Start())
	defer func() { _ = watch.Wait() }()
	defer func() { _ = watch.Process.Kill() }()
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "DELETE" {
	}
	require.Equal(t, "DELETE", lines.Text())
}

// What etcdctl saves is whole, and our Restore makes a store of it.
func TestEtcdctl_snapshot(t *testing.T) {
	c := newCtl(t, program(t, programs.Coracle))
	c.run("put", "boat", "coracle")
	c.run("put", "boat", "curragh")
	dir := t.TempDir()
	saved := filepath.Join(dir, "saved")
	require.Contains(t, c.run("snapshot", "save", saved), "Snapshot saved at")
	require.NoError(t, boltstore.Restore(saved, filepath.Join(dir, "store.db")))
	s, err := boltstore.Open(filepath.Join(dir, "store.db"), boltstore.Options{})
	require.NoError(t, err)
	defer s.Close()
	kv, _, err := s.Get(t.Context(), "boat", 2)
	require.NoError(t, err)
	require.Equal(t, "coracle", string(kv.Value), "with its history")
	kv, revision, err := s.Get(t.Context(), "boat", 0)
	require.NoError(t, err)
	require.Equal(t, "curragh", string(kv.Value))
	require.EqualValues(t, 3, revision)
}

func TestEtcdctl_endpoint(t *testing.T) {
	c := newCtl(t, program(t, programs.Coracle))
	c.run("put", "boat", "coracle")
	var status []struct {
		Endpoint string
		Status   struct {
			Header  struct{ Revision int64 }
			Version string
			DBSize  int64
		}
	}
	require.NoError(t, json.Unmarshal([]byte(c.run("endpoint", "status", "--write-out=json")), &status))
	require.Len(t, status, 1)
	require.EqualValues(t, 2, status[0].Status.Header.Revision)
	require.Positive(t, status[0].Status.DBSize)
	require.Regexp(t, `^3\.\d+\.\d+$`, status[0].Status.Version)
	out, err := c.command("endpoint", "health").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "is healthy")
	require.Contains(t, c.run("endpoint", "hashkv"), c.p.Address)
	require.Contains(t, c.run("member", "list"), c.p.Address)
	require.Contains(t, c.fails("user", "add", "somebody:secret"), "Unimplemented")
}
