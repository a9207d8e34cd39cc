package apiserver

import (
	"context"
	"errors"
	"net/http"
	"strconv"
)

// ErrTooManyRequests is a [Limiter]'s refusal.
var ErrTooManyRequests = errors.New("too many requests")

// A Limiter decides when a request may be served. Package fairness has the usual one.
type Limiter interface {
	// Begin waits until a request may be served and returns what is to be called
	// when that is over, once or more often. It may put headers into the answer.
	// Seats says how dear the request is. An error is ErrTooManyRequests.
	Begin(ctx context.Context, header http.Header, a *Attributes, seats int) (release func(), err error)
}

// How many objects of a list are as dear as one other request, and as how many
// requests a list counts at most.
const (
	objectsPerSeat = 100
	maxSeats       = 10
)

// takeTurn waits for the request's turn, or answers that there is none and returns
// false. Streams into pods and the like, which last, are not counted.
func (s *Server) takeTurn(q *request) (ok bool) {
	q.release = func() {}
	if s.Limiter == nil || q.longRunning() && q.info.Verb != "watch" {
		return true
	}
	release, err := s.Limiter.Begin(q.Context(), q.w.Header(), q.info.attributes(q.user, nil), s.seats(q))
	if err != nil {
		q.w.Header().Set("Retry-After", "1")
		http.Error(q.w, "Too many requests, please try again later.", http.StatusTooManyRequests)
		return false
	}
	q.release = release
	return true
}

// seats are how many a request takes: a list as many as it has objects to
// encode, every other request one.
func (s *Server) seats(q *request) int {
	if q.info.Verb != "list" || q.info.Name != "" {
		return 1
	}
	r := s.storage.resources.Resource(q.info.GroupVersion.WithResource(q.info.Resource))
	if r == nil {
		return 1
	}
	objects := s.storage.cache.count(r)
	if limit, err := strconv.Atoi(q.URL.Query().Get("limit")); err == nil && limit > 0 {
		objects = min(objects, limit)
	}
	return min(1+objects/objectsPerSeat, maxSeats)
}
