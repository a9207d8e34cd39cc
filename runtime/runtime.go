package runtime

import (
	"context"
	"io"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A Service is a container runtime as the kubelet sees it: the two services of
// the Container Runtime Interface. They are the interfaces that gRPC generates
// for a server, so an implementation is called directly in process, or served
// over a socket by package criserver, with no code between.
//
// Errors are gRPC status errors: NotFound for an unknown sandbox, container or
// image (but removing or stopping an unknown one succeeds), InvalidArgument for
// a bad request, FailedPrecondition for a call that the state of the sandbox or
// container does not allow, Unimplemented for what a runtime does not offer.
type Service interface {
	cri.RuntimeServiceServer
	cri.ImageServiceServer
}

// A Streamer carries the byte streams of exec, attach and port-forward in
// process. CRI itself answers those calls with a URL; package criserver makes
// such URLs out of a Streamer, and a Streamer out of such URLs.
//
// Each method blocks until the streams are done or ctx ends.
type Streamer interface {
	// StreamExec runs cmd in a running container. A command that ran and ended
	// with a code other than zero gives an [*ExitError].
	StreamExec(ctx context.Context, containerID string, cmd []string, tty bool, s Streams) error
	// StreamAttach connects the streams to the container's first process.
	StreamAttach(ctx context.Context, containerID string, tty bool, s Streams) error
	// StreamPortForward connects stream to a TCP port on the loopback address of a
	// pod sandbox, until either side closes.
	StreamPortForward(ctx context.Context, sandboxID string, port int32, stream io.ReadWriteCloser) error
}

// Streams are the standard streams of a process. A nil stream is not connected.
// With a terminal, Stderr is nil and Resize tells the terminal's size.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Resize         <-chan TerminalSize
}

// TerminalSize is the size of a terminal in characters.
type TerminalSize struct {
	Width, Height uint16
}

// A Runtime is what this project's own runtimes are: a CRI service that also
// streams in process.
type Runtime interface {
	Service
	Streamer
	// Close releases what the runtime holds in this process. Containers that
	// run outside it go on, and are found again by the next one.
	Close() error
}
