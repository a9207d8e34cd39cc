package faulty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// ErrInjected is in every error that a fault makes.
var ErrInjected = errors.New("injected fault")

// Options say which faults happen and how often. Probabilities are from 0 to 1
// and may add up to at most 1; the zero value makes no faults.
type Options struct {
	// Seed determines the faults.
	Seed uint64
	// Fail is the probability that a request fails without reaching the server.
	Fail float64
	// Lose is the probability that the server acts but its answer is lost.
	Lose float64
	// Drop is the probability that the connection breaks while the body is
	// read, after at most After bytes (by default 4096).
	Drop  float64
	After int
	// TooMany is the probability of a 429 with Retry-After: 1, and Broken that of a 500.
	TooMany, Broken float64
	// Delay is the longest that a request is delayed; zero means never.
	Delay time.Duration
}

// New wraps a transport. It is safe for concurrent use if next is.
func New(next http.RoundTripper, opts Options) http.RoundTripper {
	if opts.After <= 0 {
		opts.After = 4096
	}
	return &transport{next: next, opts: opts}
}

type transport struct {
	next  http.RoundTripper
	opts  Options
	count atomic.Uint64
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	dice := rand.New(rand.NewPCG(t.opts.Seed, t.count.Add(1)))
	if t.opts.Delay > 0 {
		if err := sleep(req.Context(), time.Duration(dice.Int64N(int64(t.opts.Delay)))); err != nil {
			closeBody(req)
			return nil, err
		}
	}
	fate := dice.Float64()
	happens := func(probability float64) bool {
		fate -= probability
		return fate < 0
	}
	switch {
	case happens(t.opts.Fail):
		closeBody(req)
		return nil, fmt.Errorf("%w: connection refused", ErrInjected)
	case happens(t.opts.TooMany):
		closeBody(req)
		return answer(req, http.StatusTooManyRequests), nil
	case happens(t.opts.Broken):
		closeBody(req)
		return answer(req, http.StatusInternalServerError), nil
	case happens(t.opts.Lose):
		return nil, t.lose(req)
	case happens(t.opts.Drop):
		return t.drop(req, dice.IntN(t.opts.After))
	}
	return t.next.RoundTrip(req)
}

// lose lets the server act and forgets its answer.
func (t *transport) lose(req *http.Request) error {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	return fmt.Errorf("%w: connection reset after the request", ErrInjected)
}

// drop breaks the answer off after so many bytes. Upgraded connections are left alone.
func (t *transport) drop(req *http.Request, after int) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body = &cutBody{ReadCloser: resp.Body, left: after}
	}
	return resp, err
}

// cutBody is a body that breaks off.
type cutBody struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *cutBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: connection reset", ErrInjected)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// answer is what a server in trouble says.
func answer(req *http.Request, code int) *http.Response {
	text := http.StatusText(code)
	resp := &http.Response{
		Status: fmt.Sprintf("%d %s", code, text), StatusCode: code,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/plain"}},
		Body:   io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: req,
	}
	if code == http.StatusTooManyRequests {
		resp.Header.Set("Retry-After", "1")
	}
	return resp
}

// Func wraps a transport with a fault of the caller's making: a request for which
// f returns an error fails with it and does not reach the server.
func Func(f func() error, next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if err := f(); err != nil {
			closeBody(req)
			return nil, err
		}
		return next.RoundTrip(req)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
