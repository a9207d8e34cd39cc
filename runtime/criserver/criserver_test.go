package criserver_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
	"github.com/coracle-k8s/coracle/runtime/criserver"
	"github.com/coracle-k8s/coracle/runtime/goroutine/goroutinetest"
	"github.com/coracle-k8s/coracle/runtime/runtimetest"
)

// serve puts a runtime behind a socket and returns it from the other side.
func serve(t *testing.T, rt runtime.Runtime) runtime.Runtime {
	t.Helper()
	dir, err := os.MkdirTemp("", "cri") // t.TempDir may be too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	endpoint := "unix://" + filepath.ToSlash(filepath.Join(dir, "cri.sock"))
	listener, err := criserver.Listen(endpoint)
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- criserver.Serve(ctx, listener, rt, criserver.Options{}) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done, "Serve")
	})
	remote, err := criserver.Dial(t.Context(), endpoint)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remote.Close()) })
	return remote
}

// A runtime behind a socket keeps every rule that the runtime keeps.
func TestServeAndDial(t *testing.T) {
	runtimetest.Run(t, func(t *testing.T) runtimetest.Target {
		target := goroutinetest.Target(t)
		target.Runtime = serve(t, target.Runtime)
		return target
	})
}

// Every call reaches the runtime, Stream calls too.
func TestForward_Streams(t *testing.T) {
	target := goroutinetest.Target(t)
	rt := serve(t, target.Runtime)
	_, err := rt.PullImage(t.Context(), &cri.PullImageRequest{Image: &cri.ImageSpec{Image: target.Image}})
	require.NoError(t, err)
	images := &collect[cri.StreamImagesResponse]{ctx: t.Context()}
	require.NoError(t, rt.StreamImages(&cri.StreamImagesRequest{}, images))
	require.Len(t, images.got, 1)
	require.Equal(t, []string{"guest:latest"}, images.got[0].Images[0].RepoTags)

	config := &cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: "a", Namespace: "b", Uid: "c"}}
	_, err = rt.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: config})
	require.NoError(t, err)
	pods := &collect[cri.StreamPodSandboxesResponse]{ctx: t.Context()}
	require.NoError(t, rt.StreamPodSandboxes(&cri.StreamPodSandboxesRequest{}, pods))
	require.Len(t, pods.got, 1)
}

func TestServe_EndsWithItsContext(t *testing.T) {
	target := goroutinetest.Target(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- criserver.Serve(ctx, listener, target.Runtime, criserver.Options{}) }()
	remote, err := criserver.Dial(t.Context(), "tcp://"+listener.Addr().String())
	require.NoError(t, err)
	defer remote.Close()

	events := make(chan error, 1)
	go func() {
		events <- remote.GetContainerEvents(&cri.GetEventsRequest{}, &collect[cri.ContainerEventResponse]{ctx: t.Context()})
	}()
	cancel()
	require.NoError(t, <-done)
	require.Error(t, <-events, "a call under way ends with the server")
	_, err = net.Dial("tcp", listener.Addr().String())
	require.Error(t, err, "the listener is closed")
}

func TestServe_ListenerFails(t *testing.T) {
	target := goroutinetest.Target(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.ErrorIs(t, criserver.Serve(t.Context(), listener, target.Runtime, criserver.Options{}), net.ErrClosed)
}

func TestDial_Errors(t *testing.T) {
	for _, endpoint := range []string{"", "relative.sock", "http://x", "unix://"} {
		_, err := criserver.Dial(t.Context(), endpoint)
		require.ErrorContains(t, err, "parse CRI endpoint", endpoint)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := criserver.Dial(ctx, "unix://"+filepath.ToSlash(filepath.Join(t.TempDir(), "nobody.sock")))
	require.ErrorContains(t, err, "dial unix://")
}

func TestListen_ReplacesADeadSocketOnly(t *testing.T) {
	dir, err := os.MkdirTemp("", "cri")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "cri.sock")
	first, err := criserver.Listen("unix://" + path)
	require.NoError(t, err)
	_, err = criserver.Listen("unix://" + path)
	require.ErrorContains(t, err, "another server answers")

	first.(*net.UnixListener).SetUnlinkOnClose(false) // as after kill -9
	require.NoError(t, first.Close())
	second, err := criserver.Listen(path)
	require.NoError(t, err)
	require.NoError(t, second.Close())
}
