package netns_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/network/netns"
)

func needRoot(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("network namespaces need Linux and root")
	}
}

func create(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ns")
	require.NoError(t, netns.Create(path))
	t.Cleanup(func() { require.NoError(t, netns.Remove(path)) })
	return path
}

func TestListenAndDialMeetOnlyInTheSameNamespace(t *testing.T) {
	needRoot(t)
	here, there := create(t), create(t)

	l, err := netns.Listen(here, "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	var serving sync.WaitGroup
	serving.Go(func() {
		conn, err := l.Accept()
		if err == nil {
			io.WriteString(conn, "hello")
			conn.Close()
		}
	})
	defer serving.Wait()

	_, err = netns.Dialer(there)(t.Context(), "tcp", l.Addr().String())
	require.ErrorContains(t, err, "connection refused")

	conn, err := netns.Dialer(here)(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	got, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
}

func TestDoLeavesTheCallerWhereItWas(t *testing.T) {
	needRoot(t)
	path := create(t)
	outside, err := net.Interfaces()
	require.NoError(t, err)
	for range 100 {
		err := netns.Do(path, func() error {
			inside, err := net.Interfaces()
			if err == nil && len(inside) != 1 {
				err = fmt.Errorf("%d links in a new namespace, want loopback alone", len(inside))
			}
			return err
		})
		require.NoError(t, err)
	}
	after, err := net.Interfaces()
	require.NoError(t, err)
	require.Equal(t, len(outside), len(after))
}

func TestErrors(t *testing.T) {
	needRoot(t)
	path := create(t)
	require.ErrorIs(t, netns.Create(path), os.ErrExist)
	require.ErrorIs(t, netns.Do(path+"-missing", func() error { return nil }), os.ErrNotExist)
	require.NoError(t, netns.Remove(path+"-missing"))
	_, err := netns.Dialer(path)(t.Context(), "tcp", "localhost:80")
	require.ErrorContains(t, err, "not an IP address")
}

func ExampleDo() {
	// An empty path is the network of the process itself.
	err := netns.Do("", func() error {
		fmt.Println("inside")
		return nil
	})
	fmt.Println(err)
	// Output:
	// inside
	// <nil>
}
