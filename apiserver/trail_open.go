package apiserver

import (
	"context"
	"sync"
)

// An openTrails counts the requests of which the end has not been told yet.
type openTrails struct {
	mu   sync.Mutex // guards the fields below
	n    int
	none chan struct{} // closed when n is 0 again; nil if nobody waits
}

func (o *openTrails) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n++
}

func (o *openTrails) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n--
	if o.n == 0 && o.none != nil {
		close(o.none)
		o.none = nil
	}
}

// Recorded waits until the auditor has been told of the end of each request that has
// begun, or until ctx ends. Call it after [Server.Run], before the auditor ends.
func (s *Server) Recorded(ctx context.Context) {
	s.open.mu.Lock()
	if s.open.n > 0 && s.open.none == nil {
		s.open.none = make(chan struct{})
	}
	none := s.open.none
	s.open.mu.Unlock()
	if none == nil {
		return
	}
	select {
	case <-none:
	case <-ctx.Done():
	}
}
