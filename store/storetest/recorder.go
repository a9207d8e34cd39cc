package storetest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// A recorder stands in for a testing.T in [Check].
type recorder struct {
	ctx      context.Context
	cleanups []func()

	mu     sync.Mutex // guards the fields below
	failed bool
	log    strings.Builder
}

// run runs fn, which may end by FailNow, and then the clean-ups.
func (r *recorder) run(fn func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.ctx = ctx
	done := make(chan struct{})
	go func() { // FailNow ends a goroutine: let it be one of its own
		defer close(done)
		defer func() {
			cancel() // before the clean-ups, as in testing
			for _, cleanup := range slices.Backward(r.cleanups) {
				cleanup()
			}
		}()
		fn()
	}()
	<-done
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Cleanup(fn func())        { r.cleanups = append(r.cleanups, fn) }

func (r *recorder) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(&r.log, format+"\n", args...)
}

func (r *recorder) Errorf(format string, args ...any) {
	r.Logf(format, args...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

func (r *recorder) FailNow() {
	r.mu.Lock()
	r.failed = true
	r.mu.Unlock()
	runtime.Goexit()
}

// oneLine returns a rule without its line breaks.
func oneLine(rule string) string { return strings.Join(strings.Fields(rule), " ") }
