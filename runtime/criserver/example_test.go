package criserver_test

import (
	"context"
	"fmt"
	"net"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime/criserver"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// A runtime behind a socket, and the same runtime in front of it. On a node the
// endpoint would be a unix socket, for which Listen is made.
func Example() {
	node := goroutine.New(goroutine.Config{Fallback: goroutine.Pause})
	defer node.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error)
	go func() { served <- criserver.Serve(ctx, listener, node, criserver.Options{}) }()

	remote, err := criserver.Dial(ctx, "tcp://"+listener.Addr().String())
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
