package fairness

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// DefaultSeats is how many requests a server serves at a time that does not say.
const DefaultSeats = 600

// waitLimit is how long a request waits at most that has no time limit itself.
const waitLimit = 15 * time.Second

// Options say what a limiter works with.
type Options struct {
	// Storage has the FlowSchemas and PriorityLevelConfigurations. Required.
	Storage *apiserver.Storage
	// Seats is how many requests are served at a time; zero means DefaultSeats.
	Seats int
	// Logger gets what goes wrong. Nil discards.
	Logger *slog.Logger
}

// A Limiter is an [apiserver.Limiter] by FlowSchemas and
// PriorityLevelConfigurations. Until it has seen these it limits nothing.
type Limiter struct {
	opts    Options
	metrics *metrics
	schemas atomic.Pointer[[]schema]

	mu      sync.Mutex // guards the fields below, and what is in the levels
	levels  []*level
	waiting int // requests in all queues
	config  configuration
}

// A schema is a FlowSchema with the level that its requests are of.
type schema struct {
	*flowcontrolv1.FlowSchema
	level *level
	uid   string // the level's
	figures
}

// A level is a PriorityLevelConfiguration at work.
type level struct {
	name   string
	exempt bool
	reject bool // rather than let requests wait
	gone   bool // its object was deleted
	usage
	queues
}

// New returns a limiter that does not run yet.
func New(opts Options) (*Limiter, error) {
	if opts.Storage == nil {
		return nil, errors.New("new limiter: no storage")
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Seats == 0 {
		opts.Seats = DefaultSeats
	}
	return &Limiter{opts: opts, metrics: newMetrics()}, nil
}

var _ apiserver.Limiter = (*Limiter)(nil)

// Begin implements apiserver.Limiter.
func (l *Limiter) Begin(ctx context.Context, header http.Header, a *apiserver.Attributes, seats int) (func(), error) {
	s := l.classify(a)
	if s == nil {
		return func() {}, nil
	}
	header.Set(flowcontrolv1.ResponseHeaderMatchedFlowSchemaUID, string(s.UID))
	header.Set(flowcontrolv1.ResponseHeaderMatchedPriorityLevelConfigurationUID, s.uid)
	seats, w, reason := l.take(s, a, seats)
	if w != nil {
		reason = l.wait(ctx, s, w)
	}
	if reason != "" {
		s.rejected(reason)
		return nil, apiserver.ErrTooManyRequests
	}
	s.begun()
	return sync.OnceFunc(func() {
		s.ended()
		l.release(s.level, seats)
	}), nil
}

// classify returns the schema that a request is of, or nil if there is none yet.
func (l *Limiter) classify(a *apiserver.Attributes) *schema {
	schemas := l.schemas.Load()
	if schemas == nil {
		return nil
	}
	for i := range *schemas {
		if s := &(*schemas)[i]; matches(s.FlowSchema, a) {
			return s
		}
	}
	return nil
}

// take takes seats, but not more than the level has, if they are free and nobody
// waits for them. Otherwise it returns the place in a queue, or why there is none.
func (l *Limiter) take(s *schema, a *apiserver.Attributes, seats int) (int, *waiter, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lv := s.level
	if lv.exempt {
		seats = 1
	}
	seats = max(1, min(seats, lv.Nominal))
	if lv.exempt || lv.gone || lv.waiting == 0 && fits(l.levels, lv, seats, l.opts.Seats) {
		lv.inUse += seats
		return seats, nil, ""
	}
	if lv.reject {
		return 0, nil, "concurrency-limit"
	}
	w := lv.enqueue(flowOf(s.FlowSchema, a), seats)
	if w == nil {
		return 0, nil, "queue-full"
	}
	l.waiting++
	return seats, w, ""
}

// wait waits until the request has its seats, and returns why it has not.
func (l *Limiter) wait(ctx context.Context, s *schema, w *waiter) string {
	began, limit := time.Now(), waitLimit
	if deadline, ok := ctx.Deadline(); ok {
		limit = time.Until(deadline) / 4
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	s.queued(1)
	defer func() { s.queued(-1); s.waited(time.Since(began)) }()
	reason := ""
	select {
	case <-w.ready:
		return ""
	case <-timer.C:
		reason = "time-out"
	case <-ctx.Done():
		reason = "cancelled"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.ready: // just then
		return ""
	default:
		s.level.remove(w)
		l.waiting--
		return reason
	}
}

// release gives seats back and lets others have them.
func (l *Limiter) release(lv *level, seats int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lv.inUse -= seats
	if l.waiting == 0 {
		return
	}
	l.dispatchLocked(lv)
	for _, other := range l.levels { // what it had borrowed
		l.dispatchLocked(other)
	}
}

// dispatchLocked serves requests of a level that wait, while there are seats.
func (l *Limiter) dispatchLocked(lv *level) {
	for lv.waiting > 0 {
		w := lv.next()
		if !lv.gone && !fits(l.levels, lv, w.seats, l.opts.Seats) {
			return
		}
		lv.dispatch(w)
		lv.inUse += w.seats
		l.waiting--
		close(w.ready)
	}
}

// levelLocked returns the level of a name, or nil.
func (l *Limiter) levelLocked(name string) *level {
	if i := slices.IndexFunc(l.levels, func(lv *level) bool { return lv.name == name }); i >= 0 {
		return l.levels[i]
	}
	return nil
}
