package criserver_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime/criserver"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// A runtime behind a socket, and the same runtime in front of it.
func Example() {
	rt := goroutine.New(goroutine.Config{Fallback: goroutine.Pause})
	defer rt.Close()
	dir, err := os.MkdirTemp("", "cri")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "cri.sock")
	listener, err := criserver.Listen("unix://" + socket)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error)
	go func() { served <- criserver.Serve(ctx, listener, rt, criserver.Options{}) }()

	remote, err := criserver.Dial(ctx, "unix://"+socket)
	if err != nil {
		fmt.Println(err)
		return
	}
	version, err := remote.Version(ctx, &cri.VersionRequest{})
	fmt.Println(version.GetRuntimeName(), version.GetRuntimeApiVersion(), err)
	_ = remote.Close()
	stop()
	fmt.Println(<-served)
	// Output:
	// goroutine v1 <nil>
	// <nil>
}
