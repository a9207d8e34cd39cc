package criserver

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
)

// remote is a runtime on the other side of a socket.
type remote struct {
	cri.UnimplementedRuntimeServiceServer
	cri.UnimplementedImageServiceServer
	conn    *grpc.ClientConn
	runtime cri.RuntimeServiceClient
	images  cri.ImageServiceClient
}

var _ runtime.Runtime = (*remote)(nil)

// Dial returns the runtime that serves CRI v1 at an endpoint, such as
// "unix:///run/containerd/containerd.sock". It fails if none answers before ctx
// ends. The caller closes it, which ends the connection and no container.
//
// The connection has no encryption: who may open the socket may do all.
func Dial(ctx context.Context, endpoint string) (runtime.Runtime, error) {
	network, addr, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	target := "unix:" + addr
	if network == "tcp" {
		target = "passthrough:///" + addr
	}
	conn, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
	)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", endpoint, err)
	}
	r := &remote{conn: conn, runtime: cri.NewRuntimeServiceClient(conn), images: cri.NewImageServiceClient(conn)}
	if _, err := r.runtime.Version(ctx, &cri.VersionRequest{Version: "v1"}); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("dial %s: %w", endpoint, err)
	}
	return r, nil
}

// Close ends the connection.
func (r *remote) Close() error { return r.conn.Close() }
