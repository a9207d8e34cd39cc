package server

import (
	"bufio"
	"context"
	"net"
	"net/http"
)

// A tiedWriter ties a connection that is taken over to a context: it is closed
// when that ends, which nobody else would do.
type tiedWriter struct {
	http.ResponseWriter
	ctx  context.Context
	conn net.Conn
	stop func() bool
}

// Hijack implements http.Hijacker.
func (w *tiedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.conn = conn
	w.stop = context.AfterFunc(w.ctx, func() { conn.Close() })
	return conn, buffered, nil
}

// release closes the connection, if it was taken over.
func (w *tiedWriter) release() {
	if w.conn != nil {
		w.stop()
		w.conn.Close()
	}
}
