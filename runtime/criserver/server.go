package criserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"

	"github.com/coracle-k8s/coracle/runtime"
)

// maxMessage is the largest gRPC message, in bytes: what the kubelet uses, and
// enough for the outputs that ExecSync keeps.
const maxMessage = 40 << 20

// Options tell how streams are served. The zero value is usual.
type Options struct {
	// StreamListener is where the streams of exec, attach and port-forward are
	// served. Nil means a free port of 127.0.0.1. Serve closes it.
	StreamListener net.Listener
	// StreamURL is the beginning of the URLs that clients get, for a listener
	// that they reach by another name. Nil means http and the listener's address.
	StreamURL *url.URL
	// StreamIdleTimeout ends a stream that carries nothing for so long; zero
	// means four hours.
	StreamIdleTimeout time.Duration
}

// Serve serves rt as the two CRI services over gRPC on listener, until ctx ends
// or a listener fails. It closes the listeners, not rt. When it returns, every
// call has ended.
func Serve(ctx context.Context, listener net.Listener, rt runtime.Runtime, opts Options) error {
	if opts.StreamListener == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			_ = listener.Close()
			return fmt.Errorf("listen for streams: %w", err)
		}
		opts.StreamListener = l
	}
	calls, stopCalls := context.WithCancel(ctx)
	defer stopCalls()
	adapter := &streamRuntime{ctx: calls, streamer: rt}
	streams, err := newStreamServer(adapter, opts)
	if err != nil {
		_, _ = listener.Close(), opts.StreamListener.Close()
		return fmt.Errorf("make stream server: %w", err)
	}
	calling := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage), grpc.WaitForHandlers(true))
	service := &service{Runtime: rt, streams: streams}
	cri.RegisterRuntimeServiceServer(calling, service)
	cri.RegisterImageServiceServer(calling, service)

	conns := newConnSet(opts.StreamListener)
	streaming := &http.Server{Handler: streams, ConnContext: conns.context, ReadHeaderTimeout: 10 * time.Second}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return unlessEnded(ctx, "serve CRI", calling.Serve(listener)) })
	group.Go(func() error { return unlessEnded(ctx, "serve streams", streaming.Serve(conns)) })
	group.Go(func() error {
		<-ctx.Done()
		stopCalls()
		calling.Stop()
		_ = streaming.Close()
		conns.closeAll()
		adapter.wait()
		return nil
	})
	return group.Wait()
}

// unlessEnded drops the error of a server that was stopped.
func unlessEnded(ctx context.Context, what string, err error) error {
	if err == nil || ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func newStreamServer(adapter *streamRuntime, opts Options) (streaming.Server, error) {
	config := streaming.DefaultConfig
	config.Addr = opts.StreamListener.Addr().String()
	config.BaseURL = opts.StreamURL
	if opts.StreamIdleTimeout > 0 {
		config.StreamIdleTimeout = opts.StreamIdleTimeout
	}
	return streaming.NewServer(config, adapter)
}

// Listen opens the listener of an endpoint: "unix:///run/coracle.sock", or
// "tcp://127.0.0.1:4000". A socket that a dead process left is replaced, one
// that answers is an error.
func Listen(endpoint string) (net.Listener, error) {
	network, addr, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		if conn, err := net.Dial(network, addr); err == nil {
			_ = conn.Close()
			return nil, fmt.Errorf("listen on %s: another server answers there", endpoint)
		}
		if err := os.Remove(addr); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove old socket: %w", err)
		}
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", endpoint, err)
	}
	return l, nil
}

// parseEndpoint splits an endpoint into a network and an address. A path alone
// is a unix socket.
func parseEndpoint(endpoint string) (network, addr string, err error) {
	switch scheme, rest, ok := strings.Cut(endpoint, "://"); {
	case !ok && strings.HasPrefix(endpoint, "/"):
		return "unix", endpoint, nil
	case ok && (scheme == "unix" || scheme == "tcp") && rest != "":
		return scheme, rest, nil
	}
	return "", "", fmt.Errorf("parse CRI endpoint %q: want unix:///path or tcp://host:port", endpoint)
}
