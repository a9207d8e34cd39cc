package server

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"github.com/coracle-k8s/coracle/runtime"
)

// portForward answers kubectl port-forward.
func (s *server) portForward(w http.ResponseWriter, r *http.Request) {
	if s.Streamer == nil {
		fail(w, Errorf(http.StatusNotImplemented, "this node's runtime does not stream"))
		return
	}
	id, err := s.Node.Sandbox(r.PathValue("namespace"), r.PathValue("pod"), types.UID(r.PathValue("uid")))
	if err != nil {
		fail(w, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if wsstream.IsWebSocketRequestWithTunnelingProtocol(r) {
		tunnel(ctx, w, r, s.Streamer, id)
		return
	}
	options, err := portforward.NewV4Options(r)
	if err != nil {
		fail(w, Errorf(http.StatusBadRequest, "%v", err))
		return
	}
	out := &tiedWriter{ResponseWriter: w, ctx: ctx}
	defer out.release()
	portforward.ServePortForward(out, r, forwarder{ctx, s.Streamer}, id, "", options, idleTimeout, streamTimeout, portforward.SupportedProtocols)
}

// A forwarder forwards one port of a sandbox until ctx ends.
type forwarder struct {
	ctx      context.Context
	streamer runtime.Streamer
}

// PortForward implements portforward.PortForwarder. The library's own context
// does not end with the request.
func (f forwarder) PortForward(_ context.Context, sandbox, _ string, port int32, stream io.ReadWriteCloser) error {
	return f.streamer.StreamPortForward(f.ctx, sandbox, port, stream)
}

// tunnel serves SPDY inside the binary messages of a WebSocket. To the library
// it looks like a connection that was upgraded to SPDY.
func tunnel(ctx context.Context, w http.ResponseWriter, r *http.Request, streamer runtime.Streamer, sandbox string) {
	conn, err := upgrade(w, r, []string{portforward.WebsocketsSPDYTunnelingPortForwardV1})
	if err != nil {
		return // the upgrader has answered
	}
	inner := r.Clone(ctx)
	inner.Header = http.Header{}
	inner.Header.Set(httpstream.HeaderConnection, httpstream.HeaderUpgrade)
	inner.Header.Set(httpstream.HeaderUpgrade, spdy.HeaderSpdy31)
	inner.Header.Set(httpstream.HeaderProtocolVersion, portforward.ProtocolV1Name)
	out := &tiedWriter{ResponseWriter: &tunnelled{header: http.Header{}, conn: &messageConn{Conn: conn}}, ctx: ctx}
	defer out.release()
	defer conn.Close()
	portforward.ServePortForward(out, inner, forwarder{ctx, streamer}, sandbox, "", &portforward.V4Options{},
		idleTimeout, streamTimeout, portforward.SupportedProtocols)
}

// tunnelled is the answer to a request that was never sent: it gives the
// connection away.
type tunnelled struct {
	header http.Header
	conn   net.Conn
}

func (t *tunnelled) Header() http.Header         { return t.header }
func (t *tunnelled) Write(p []byte) (int, error) { return len(p), nil }
func (t *tunnelled) WriteHeader(int)             {}

// Hijack implements http.Hijacker.
func (t *tunnelled) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return t.conn, bufio.NewReadWriter(bufio.NewReader(t.conn), bufio.NewWriter(t.conn)), nil
}

// A messageConn is a byte stream over the binary messages of a WebSocket. It
// has one reader and one writer at a time.
type messageConn struct {
	*websocket.Conn
	message io.Reader
}

// Read implements net.Conn. The end of the WebSocket is the end of the stream.
func (c *messageConn) Read(p []byte) (int, error) {
	for {
		if c.message == nil {
			kind, message, err := c.NextReader()
			if err != nil {
				if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway) {
					return 0, io.EOF
				}
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				continue
			}
			c.message = message
		}
		n, err := c.message.Read(p)
		if err == io.EOF {
			c.message = nil
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *messageConn) Write(p []byte) (int, error) {
	if err := c.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// SetDeadline implements net.Conn.
func (c *messageConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}
