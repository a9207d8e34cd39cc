package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"

	"github.com/coracle-k8s/coracle/runtime"
)

// The channels of a connection, the first byte of each message.
const (
	channelStdin  = remotecommand.StreamStdIn
	channelStdout = remotecommand.StreamStdOut
	channelStderr = remotecommand.StreamStdErr
	channelError  = remotecommand.StreamErr
	channelResize = remotecommand.StreamResize
	channelClose  = remotecommand.StreamClose
)

// The protocols, the best first. Base64 ones write text messages.
var channelProtocols = []string{
	"v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io", "base64.channel.k8s.io",
}

// maxMessage is the largest message that is read, in bytes.
const maxMessage = 32 << 20

// serveWebSocket runs a session over the channels of a WebSocket.
func serveWebSocket(w http.ResponseWriter, r *http.Request, opts *remotecommand.Options, run session) {
	offered := websocket.Subprotocols(r)
	if len(offered) > 0 && !slices.ContainsFunc(offered, func(p string) bool { return slices.Contains(channelProtocols, p) }) {
		fail(w, Errorf(http.StatusBadRequest, "none of the protocols %q is supported; use one of %q", offered, channelProtocols))
		return
	}
	conn, err := upgrade(w, r, channelProtocols)
	if err != nil {
		return // the upgrader has answered
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	c := newChannels(conn)
	streams := runtime.Streams{}
	if opts.Stdin {
		streams.Stdin = c.stdin
	}
	if opts.Stdout {
		streams.Stdout = channelWriter{c, channelStdout}
	}
	if opts.Stderr {
		streams.Stderr = channelWriter{c, channelStderr}
	}
	if opts.TTY {
		streams.Resize = c.resize
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.receive(ctx, opts)
		cancel() // nobody is there any more
	}()
	c.greet(opts)
	c.finish(run(ctx, opts.TTY, streams))
	conn.Close()
	<-done
}

// upgrade answers with 101, or with an error. Origins are not looked at: who
// may connect is decided by certificates, which browsers do not lend to pages.
func upgrade(w http.ResponseWriter, r *http.Request, protocols []string) (*websocket.Conn, error) {
	upgrader := websocket.Upgrader{Subprotocols: protocols, CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxMessage)
	return conn, nil
}

// channels are the streams of one WebSocket.
type channels struct {
	conn    *websocket.Conn
	version int  // 5, 4, or 1 for what was before
	base64  bool // text messages
	write   chan struct{}
	stdin   *io.PipeReader
	toStdin *io.PipeWriter
	resize  chan runtime.TerminalSize
}

func newChannels(conn *websocket.Conn) *channels {
	c := &channels{conn: conn, version: 1, write: make(chan struct{}, 1), resize: make(chan runtime.TerminalSize)}
	c.stdin, c.toStdin = io.Pipe()
	protocol := conn.Subprotocol()
	c.base64 = strings.Contains(protocol, "base64")
	switch {
	case strings.HasPrefix(protocol, "v5."):
		c.version = 5
	case strings.HasPrefix(protocol, "v4."):
		c.version = 4
	}
	return c
}

// greet sends an empty message, by which old clients know that they are
// connected.
func (c *channels) greet(opts *remotecommand.Options) {
	channel := byte(channelError)
	switch {
	case opts.Stdout:
		channel = channelStdout
	case opts.Stderr:
		channel = channelStderr
	}
	_ = c.send(channel, nil)
}

// receive passes on what the client sends until the connection ends.
func (c *channels) receive(ctx context.Context, opts *remotecommand.Options) {
	defer c.toStdin.Close()
	defer close(c.resize)
	for {
		kind, message, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		if len(message) == 0 || kind != websocket.BinaryMessage && kind != websocket.TextMessage {
			continue
		}
		channel, data := message[0], message[1:]
		if c.base64 {
			channel -= '0'
			if data, err = base64.StdEncoding.DecodeString(string(data)); err != nil {
				return
			}
		}
		switch {
		case channel == channelStdin && opts.Stdin:
			if _, err := c.toStdin.Write(data); err != nil {
				continue // the process has closed its stdin, which is no reason to end
			}
		case channel == channelResize && opts.TTY:
			c.setSize(ctx, data)
		case channel == channelClose && c.version >= 5 && len(data) == 1 && data[0] == channelStdin:
			c.toStdin.Close()
		}
	}
}

func (c *channels) setSize(ctx context.Context, data []byte) {
	var size runtime.TerminalSize
	if json.Unmarshal(data, &size) != nil {
		return
	}
	select {
	case c.resize <- size:
	case <-ctx.Done():
	}
}

// send writes one message. Writers take turns.
func (c *channels) send(channel byte, data []byte) error {
	c.write <- struct{}{}
	defer func() { <-c.write }()
	if c.base64 {
		return c.conn.WriteMessage(websocket.TextMessage, append([]byte{'0' + channel}, base64.StdEncoding.EncodeToString(data)...))
	}
	return c.conn.WriteMessage(websocket.BinaryMessage, append([]byte{channel}, data...))
}

// finish tells the client how it ended, and says goodbye.
func (c *channels) finish(err error) {
	c.stdin.CloseWithError(io.ErrClosedPipe)
	status := outcome(err)
	switch {
	case c.version >= 4:
		data, _ := json.Marshal(status)
		_ = c.send(channelError, data)
	case err != nil:
		_ = c.send(channelError, []byte(status.Message))
	}
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = c.conn.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Second))
}

// outcome is how a session ended in the form that clients read: an exit code
// other than zero is a cause of type ExitCode.
func outcome(err error) metav1.Status {
	if err == nil {
		return metav1.Status{Status: metav1.StatusSuccess}
	}
	if exit, ok := errors.AsType[*runtime.ExitError](err); ok {
		return metav1.Status{
			Status: metav1.StatusFailure, Reason: remotecommand.NonZeroExitCodeReason,
			Message: "command terminated with non-zero exit code: " + exit.Error(),
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{
				Type: remotecommand.ExitCodeCauseType, Message: strconv.Itoa(exit.Code),
			}}},
		}
	}
	return metav1.Status{
		Status: metav1.StatusFailure, Reason: metav1.StatusReasonInternalError, Code: http.StatusInternalServerError,
		Message: "Internal error occurred: " + err.Error(),
	}
}

// A channelWriter is an output stream.
type channelWriter struct {
	c       *channels
	channel byte
}

func (w channelWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := w.c.send(w.channel, p); err != nil {
		return 0, err
	}
	return len(p), nil
}
