package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
)

// An InMemoryOption alters the transport of [InMemory].
type InMemoryOption func(*inMemory)

// OnRequest lets f replace each request just before the handler gets it. The
// request is the handler's own copy, so f may change it. Use it to say who is
// calling, where over TCP a certificate would.
func OnRequest(f func(*http.Request) *http.Request) InMemoryOption {
	return func(t *inMemory) { t.onRequest = f }
}

// InMemory returns a transport that calls a handler of this process.
//
// Each request runs the handler in a goroutine. The answer streams: RoundTrip
// returns with the headers, and the body can be read while the handler writes,
// with [pipeSize] bytes between them. A handler that hijacks its connection gets
// one end of a net.Pipe; if it answers 101 Switching Protocols, the Body of the
// response is an io.ReadWriteCloser over the other, as with http.Transport.
//
// The end of the request's context, and closing the response's body, end the
// handler's context; both wait until the handler has returned, so nothing is
// left running. A handler must therefore heed its context. (One that has hijacked is
// not waited for: its connection is closed instead.) A panic of the
// handler becomes an error of the request.
//
// It blocks on channels only and starts no goroutine of its own, so it works in
// testing/synctest bubbles; a transport belongs to the bubble it is used in.
func InMemory(h http.Handler, opts ...InMemoryOption) http.RoundTripper {
	t := &inMemory{handler: h}
	for _, opt := range opts {
		opt(t)
	}
	return t
}

type inMemory struct {
	handler   http.Handler
	onRequest func(*http.Request) *http.Request
}

// RoundTrip implements http.RoundTripper.
func (t *inMemory) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Context().Err() != nil {
		closeBody(req)
		return nil, context.Cause(req.Context())
	}
	ctx, cancel := context.WithCancel(req.Context())
	call := &call{
		request: req, ctx: ctx, cancel: cancel, pipe: newPipe(),
		header: make(http.Header), started: make(chan struct{}), ended: make(chan struct{}),
	}
	go call.serve(t, serverRequest(ctx, req))
	return call.response()
}

// serverRequest makes of a client's request what a server would see.
func serverRequest(ctx context.Context, req *http.Request) *http.Request {
	server := req.Clone(ctx)
	server.RequestURI = req.URL.RequestURI()
	server.RemoteAddr = "127.0.0.1:0"
	if server.Host == "" {
		server.Host = req.URL.Host
	}
	if server.Body == nil {
		server.Body = http.NoBody
	}
	return server
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// A call is one request under way.
type call struct {
	request *http.Request
	ctx     context.Context // the handler's
	cancel  context.CancelFunc
	pipe    *pipe

	// Written by the handler's goroutine before it closes started.
	header   http.Header // what the handler sees and changes
	code     int
	sent     http.Header // a copy of header when the answer started
	hijacked *hijack
	started  chan struct{}

	// failure is written before ended is closed.
	failure error
	ended   chan struct{}
}

// serve runs the handler.
func (c *call) serve(t *inMemory, req *http.Request) {
	defer close(c.ended)
	defer c.cancel()
	defer closeBody(c.request)
	defer func() {
		if cause := recover(); cause != nil {
			c.fail(cause)
			return
		}
		w := writer{c}
		w.WriteHeader(http.StatusOK)
		c.pipe.closeWrite(c.end())
	}()
	if t.onRequest != nil {
		req = t.onRequest(req)
	}
	t.handler.ServeHTTP(writer{c}, req)
}

// end is how the body ends when the handler has returned: what it left unfinished
// because its context ended must not look complete.
func (c *call) end() error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	return io.EOF
}

func (c *call) fail(cause any) {
	c.failure = fmt.Errorf("handler panicked: %v\n%s", cause, debug.Stack())
	if cause == http.ErrAbortHandler {
		c.failure = io.ErrUnexpectedEOF
	}
	c.pipe.closeWrite(c.failure)
	if c.hijacked != nil {
		c.hijacked.server.Close()
	}
}

// response waits for the answer to start.
func (c *call) response() (*http.Response, error) {
	select {
	case <-c.started:
	case <-c.ended:
		if c.code == 0 { // it panicked before it answered
			return nil, c.failure
		}
	case <-c.request.Context().Done():
		c.close()
		return nil, context.Cause(c.request.Context())
	}
	if c.hijacked != nil {
		return c.hijacked.response(c)
	}
	resp := c.answer()
	resp.Body = body{c}
	return resp, nil
}

// answer is the response that the handler wrote, but for its body.
func (c *call) answer() *http.Response {
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", c.code, http.StatusText(c.code)),
		StatusCode: c.code,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        c.sent,
		ContentLength: -1,
		Request:       c.request,
	}
}

// close ends the handler and waits for it.
func (c *call) close() {
	c.cancel()
	c.pipe.closeRead()
	select {
	case <-c.started:
		if c.hijacked != nil {
			c.hijacked.client.Close()
			return
		}
	case <-c.ended:
	}
	<-c.ended
}

// body is the response's body.
type body struct{ call *call }

// Read implements io.Reader. As over TCP, the end of the request's context ends
// the body too.
func (b body) Read(p []byte) (int, error) {
	return b.call.pipe.read(b.call.request.Context(), p)
}

// Close implements io.Closer.
func (b body) Close() error {
	b.call.close()
	return nil
}

// writer is the handler's http.ResponseWriter; it flushes by itself.
type writer struct{ call *call }

// Header implements http.ResponseWriter.
func (w writer) Header() http.Header { return w.call.header }

// WriteHeader implements http.ResponseWriter.
func (w writer) WriteHeader(code int) {
	c := w.call
	if c.code != 0 || (code < 200 && code != http.StatusSwitchingProtocols) {
		return
	}
	c.code, c.sent = code, c.header.Clone()
	if code != http.StatusSwitchingProtocols { // else Hijack comes next
		close(c.started)
	}
}

// Write implements io.Writer.
func (w writer) Write(p []byte) (int, error) {
	if w.call.hijacked != nil {
		return 0, http.ErrHijacked
	}
	if w.call.code == 0 {
		if w.call.header.Get("Content-Type") == "" {
			w.call.header.Set("Content-Type", http.DetectContentType(p))
		}
		w.WriteHeader(http.StatusOK)
	}
	return w.call.pipe.write(w.call.ctx, p)
}

// Flush implements http.Flusher.
func (w writer) Flush() { w.WriteHeader(http.StatusOK) }

var (
	_ http.Flusher  = writer{}
	_ http.Hijacker = writer{}
)
