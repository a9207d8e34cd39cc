package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store/boltstore"
)

// A session is a cluster that `coracle up` runs in this process.
type session struct {
	out        *buffer
	kubeconfig string
	cancel     context.CancelFunc
	ended      chan error
}

// coracle runs a command line until it ends.
func coracle(ctx context.Context, out *buffer, args ...string) error {
	cmd := command()
	cmd.SetArgs(args)
	cmd.SetOut(out)
	cmd.SetErr(out)
	return cmd.ExecuteContext(ctx)
}

// up starts a cluster with one node in memory and waits until it says that it
// is up. It ends with the test.
func up(t *testing.T, dir string) *session {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &session{
		out: &buffer{}, cancel: cancel, ended: make(chan error, 1), kubeconfig: filepath.Join(dir, "kubeconfig"),
	}
	go func() {
		s.ended <- coracle(ctx, s.out, "up", "--runtime", "goroutine", "--nodes", "1", "--listen", "127.0.0.1:0", "--data-dir", dir, "-v", "error")
	}()
	t.Cleanup(func() { cancel() })
	require.Eventually(t, func() bool { return strings.Contains(s.out.String(), "The cluster is up") }, 30*time.Second, 10*time.Millisecond)
	return s
}

// stop ends the cluster as Ctrl-C does.
func (s *session) stop(t *testing.T) {
	t.Helper()
	s.cancel()
	require.NoError(t, <-s.ended, s.out.String())
}

func (s *session) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.FromKubeconfig(s.kubeconfig)
	require.NoError(t, err)
	return c
}

func TestUp_keeps_its_state_over_a_restart(t *testing.T) {
	dir := t.TempDir()
	first := up(t, dir)
	made, err := client.For[*corev1.ConfigMap](first.client(t)).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kept"},
	})
	require.NoError(t, err)
	first.stop(t)

	second := up(t, dir)
	found, err := client.For[*corev1.ConfigMap](second.client(t)).Get(t.Context(), "default", "kept")
	require.NoError(t, err)
	require.Equal(t, made.UID, found.UID)
	require.Equal(t, made.ResourceVersion, found.ResourceVersion)
	second.stop(t)
}

func TestUp_says_that_the_port_is_taken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	addr := listener.Addr().String()
	err = refused(t, t.TempDir(), "--listen", addr)
	require.ErrorContains(t, err, addr+" is in use")
	require.ErrorContains(t, err, "--listen")
}

func TestUp_says_that_the_data_directory_is_in_use(t *testing.T) {
	dir := t.TempDir()
	running := up(t, dir)
	err := refused(t, dir)
	require.ErrorIs(t, err, boltstore.ErrLocked)
	require.ErrorContains(t, err, filepath.Join(dir, "store.db"))
	running.stop(t) // The other was not hurt.
}

// Whatever file of the data directory is damaged, the error names it, and no
// file is touched: whoever puts the file back has lost nothing.
func TestUp_leaves_a_damaged_data_directory_as_it_is(t *testing.T) {
	for name, damage := range map[string]struct {
		file string
		is   error
		hurt func(data []byte) []byte
	}{
		"store cut off":            {"store.db", boltstore.ErrCorrupt, func(d []byte) []byte { return d[:len(d)/3] }},
		"store overwritten":        {"store.db", boltstore.ErrCorrupt, func(d []byte) []byte { return bytes.Repeat([]byte("oops"), len(d)/4) }},
		"something else":           {"store.db", boltstore.ErrCorrupt, func([]byte) []byte { return []byte("not a store") }},
		"authority's certificate":  {"pki/ca.crt", pki.ErrCorrupt, func(d []byte) []byte { return d[:len(d)/2] }},
		"authority's key":          {"pki/ca.key", pki.ErrCorrupt, func([]byte) []byte { return []byte("rubbish") }},
		"authority's key is empty": {"pki/ca.key", pki.ErrCorrupt, func([]byte) []byte { return nil }},
		"key of tokens":            {"pki/sa.key", pki.ErrCorrupt, func(d []byte) []byte { return d[10:] }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			up(t, dir).stop(t)
			file := filepath.Join(dir, filepath.FromSlash(damage.file))
			whole, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, damage.hurt(bytes.Clone(whole)), 0o600))

			before := fingerprints(t, dir)
			err = refused(t, dir)
			require.ErrorIs(t, err, damage.is)
			require.ErrorContains(t, err, file)
			require.Equal(t, before, fingerprints(t, dir))

			require.NoError(t, os.WriteFile(file, whole, 0o600))
			up(t, dir).stop(t)
		})
	}
}

// A server's certificate is worth nothing but the work of signing another.
func TestUp_signs_a_damaged_server_certificate_anew(t *testing.T) {
	dir := t.TempDir()
	up(t, dir).stop(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pki", "apiserver.crt"), []byte("rubbish"), 0o600))
	again := up(t, dir)
	_, err := client.For[*corev1.Namespace](again.client(t)).List(t.Context(), "", client.ListOptions{})
	require.NoError(t, err)
	again.stop(t)
}

func TestUp_refuses_what_it_does_not_know(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"--nodes", "-1"}, "--nodes -1: want 0 or more"},
		{[]string{"--nodes", "many"}, "invalid argument"},
		{[]string{"--nodes", "1000"}, "at most"},
		{[]string{"--runtime", "docker"}, "--runtime docker: want runc or goroutine"},
		{[]string{"--listen", "nowhere"}, "--listen nowhere"},
		{[]string{"--listen", "127.0.0.1:99999"}, "--listen 127.0.0.1:99999"},
		{[]string{"--verbosity", "loud"}, "want debug, info, warn or error"},
		{[]string{"--colour"}, "unknown flag: --colour"},
		{[]string{"harder"}, "unknown command"},
		{[]string{"--data-dir", os.DevNull}, os.DevNull},
		{[]string{"--kubeconfig", filepath.Join(os.DevNull, "kubeconfig")}, os.DevNull},
	} {
		err := refused(t, t.TempDir(), test.args...)
		require.ErrorContains(t, err, test.says, test.args)
	}
}

// refused starts a cluster that must not start, and returns why. main prints
// the error and exits with 1.
func refused(t *testing.T, dir string, args ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	args = append([]string{"up", "--runtime", "goroutine", "--nodes", "1", "--listen", "127.0.0.1:0", "--data-dir", dir}, args...)
	out := &buffer{}
	err := coracle(ctx, out, args...)
	require.Error(t, err, "%s\n%s", args, out)
	require.NoError(t, ctx.Err(), "it ran: %s", out)
	return err
}

// fingerprints returns a hash of each file below dir, by name.
func fingerprints(t *testing.T, dir string) map[string][sha256.Size]byte {
	t.Helper()
	out := map[string][sha256.Size]byte{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		out[path] = sha256.Sum256(data)
		return err
	}))
	return out
}

// A buffer collects output from several goroutines.
type buffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
