//go:build linux

package runc_test

import (
	"context"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runtimetest"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

// guest is the image of the kit's program, compiled once.
var guest = sync.OnceValues(func() (v1.Image, error) {
	return image.BuildGo(context.Background(), image.GoBuild{Package: "../runtimetest/guest"})
})

// TestKit holds the runtime to the contract that all runtimes are held to. Its
// image comes from a registry in this process.
func TestKit(t *testing.T) {
	findRunc(t)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ref := strings.TrimPrefix(server.URL, "http://") + "/guest:v1"
	img, err := guest()
	require.NoError(t, err)
	parsed, err := name.ParseReference(ref)
	require.NoError(t, err)
	require.NoError(t, remote.Write(parsed, img))

	runtimetest.Run(t, func(t *testing.T) runtimetest.Target {
		return runtimetest.Target{
			Runtime: newBench(t).r, Image: ref, Commands: runtimetest.GuestCommands("/app/guest"),
			Options: runtimetest.Options{NoPodIP: true},
		}
	})
}
