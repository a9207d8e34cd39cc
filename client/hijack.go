package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
)

// A hijack is a connection which the handler has taken over. What it writes
// there is HTTP on the wire, so the client's end parses it; unless it said 101
// Switching Protocols before, with WriteHeader, and only the rest is its own.
type hijack struct {
	server, client net.Conn
	switched       bool
}

// Hijack implements http.Hijacker.
func (w writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c := w.call
	if c.hijacked != nil || c.code != 0 && c.code != http.StatusSwitchingProtocols {
		return nil, nil, fmt.Errorf("hijack: %w: the answer has started", http.ErrHijacked)
	}
	server, client := net.Pipe()
	c.hijacked = &hijack{server: server, client: client, switched: c.code != 0}
	c.code = http.StatusSwitchingProtocols
	close(c.started)
	return server, bufio.NewReadWriter(bufio.NewReader(server), bufio.NewWriter(server)), nil
}

// response reads the handler's answer off the connection.
func (h *hijack) response(c *call) (*http.Response, error) {
	stop := context.AfterFunc(c.request.Context(), func() { h.client.Close() })
	buffered := bufio.NewReader(h.client)
	if h.switched {
		resp := c.answer()
		resp.Body = &upgraded{Reader: buffered, Conn: h.client, stop: stop}
		return resp, nil
	}
	resp, err := http.ReadResponse(buffered, c.request)
	if err != nil {
		stop()
		h.client.Close()
		return nil, fmt.Errorf("read answer of hijacked connection: %w", err)
	}
	conn := &upgraded{Reader: buffered, Conn: h.client, stop: stop}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body = conn
	} else {
		resp.Body = refused{resp.Body, conn}
	}
	return resp, nil
}

// upgraded is the client's end of a connection after 101 Switching Protocols:
// what was read too far comes first.
type upgraded struct {
	io.Reader
	net.Conn
	stop func() bool
}

// Read implements io.Reader.
func (u *upgraded) Read(p []byte) (int, error) { return u.Reader.Read(p) }

// Close closes the connection; the handler sees that.
func (u *upgraded) Close() error {
	u.stop()
	return u.Conn.Close()
}

// refused is the body of a handler that hijacked and then did not switch.
type refused struct {
	io.ReadCloser
	conn *upgraded
}

// Close implements io.Closer.
func (r refused) Close() error { return r.conn.Close() }
