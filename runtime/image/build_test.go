package image_test

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/stretchr/testify/require"
)

func TestBuildGo(t *testing.T) {
	build := image.GoBuild{
		Package: "./testdata/hello", Vars: map[string]string{"main.version": "v7 final"},
		Labels: map[string]string{"team": "boats"}, User: "nonroot", Ports: []string{"8080/tcp"}, Args: []string{"--flag"},
	}
	img, err := image.BuildGo(t.Context(), build)
	require.NoError(t, err)
	again, err := image.BuildGo(t.Context(), build)
	require.NoError(t, err)
	one, err := img.Digest()
	require.NoError(t, err)
	two, err := again.Digest()
	require.NoError(t, err)
	require.Equal(t, one, two, "the same sources give the same image")

	s := open(t)
	got, err := s.Add(t.Context(), img, "hello:v7")
	require.NoError(t, err)
	require.Equal(t, []string{"/app/hello"}, got.Config.Entrypoint)
	require.Equal(t, []string{"--flag"}, got.Config.Cmd)
	require.Equal(t, "nonroot", got.Config.User)
	require.Equal(t, "boats", got.Config.Labels["team"])
	require.Contains(t, got.Config.ExposedPorts, "8080/tcp")
	require.Equal(t, "linux", got.OS)
	if runtime.GOOS != "linux" {
		return
	}
	dirs, err := s.Unpack(t.Context(), "hello:v7")
	require.NoError(t, err)
	require.Contains(t, read(t, dirs[0], "etc/passwd"), "nonroot:x:65532:")
	out, err := exec.Command(filepath.Join(dirs[1], "app/hello")).Output()
	require.NoError(t, err)
	require.Equal(t, "hello v7 final\n", string(out))
}

func TestBuildGo_errors(t *testing.T) {
	for _, pkg := range []string{"./testdata/nowhere", ".", "-x"} {
		_, err := image.BuildGo(t.Context(), image.GoBuild{Package: pkg})
		require.ErrorContains(t, err, "build image of "+pkg)
	}
}
