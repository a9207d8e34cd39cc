package apiserver

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// goodbye is how long a client has to hear that its connection ends, before it is
// closed.
const goodbye = 20 * time.Millisecond

// connections closes those that carry no request when a server stops. An
// http.Server does so by itself for HTTP/1.1 only: a connection of HTTP/2 lasts a
// second longer than its last request, and one that has not sent its first one
// ten seconds.
type connections struct {
	mu     sync.Mutex // guards states
	states map[net.Conn]http.ConnState
}

// note is the http.Server's ConnState.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.states, conn)
	default:
		if c.states == nil {
			c.states = map[net.Conn]http.ConnState{}
		}
		c.states[conn] = state
	}
}

// closeIdle closes connections as they run out of requests, until ctx ends.
func (c *connections) closeIdle(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(goodbye):
		}
		for _, conn := range c.idle() {
			conn.Close()
		}
	}
}

func (c *connections) idle() []net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	var idle []net.Conn
	for conn, state := range c.states {
		if state != http.StateActive {
			idle = append(idle, conn)
		}
	}
	return idle
}
