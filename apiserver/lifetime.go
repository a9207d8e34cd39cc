package apiserver

import (
	"context"
	"sync"
	"time"
)

// A lifetime is how a server ends, in two steps: first it says that it is not
// ready any more, so that balancers send no more requests, and serves those that
// come; when the delay is over it ends its watches and refuses what still comes.
type lifetime struct {
	delay time.Duration
	once  sync.Once
	begun chan struct{} // closed at the first step
}

func newLifetime(delay time.Duration) *lifetime {
	return &lifetime{delay: delay, begun: make(chan struct{})}
}

// stopping says whether the end has begun.
func (l *lifetime) stopping() bool {
	select {
	case <-l.begun:
		return true
	default:
		return false
	}
}

// run calls f with a context that ends the delay after ctx does, and returns what
// it returned when all is over.
func (l *lifetime) run(ctx context.Context, f func(context.Context) error) error {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-ctx.Done():
		case <-longer.Done():
			return
		}
		l.once.Do(func() { close(l.begun) })
		if l.delay > 0 {
			select {
			case <-time.After(l.delay):
			case <-longer.Done():
			}
		}
		cancel(context.Cause(ctx))
	})
	err := f(longer)
	cancel(nil)
	waiting.Wait()
	return err
}
