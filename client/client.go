package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
)

// DefaultUserAgent is what a client calls itself when its Config says nothing.
const DefaultUserAgent = "coracle"

// Config says how to reach an API server.
type Config struct {
	// BaseURL is the scheme and host of the server, optionally with a path
	// prefix: "https://127.0.0.1:6443", or "http://coracle" in memory. Required.
	BaseURL string
	// Transport carries the requests: an http.Transport for TCP and TLS, or
	// [InMemory]. Nil means http.DefaultTransport.
	Transport http.RoundTripper
	// UserAgent defaults to [DefaultUserAgent].
	UserAgent string
	// Kinds are the kinds that [For] knows; nil means the built-in ones.
	Kinds api.Registry
	// JSON makes the client speak JSON where it would speak protobuf. It
	// helps to read what goes over the wire.
	JSON bool
}

// A Client sends requests to one API server. It is safe for concurrent use and
// holds no state but its connections.
type Client struct {
	base      *url.URL
	http      *http.Client
	userAgent string
	kinds     api.Registry
	json      bool
}

// New returns a client. It sends nothing: an unreachable server shows in the
// first request.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("new client: %w", err)
	}
	if base.Scheme == "" || base.Host == "" {
		return nil, fmt.Errorf("new client: base URL %q lacks a scheme or a host", cfg.BaseURL)
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	c := &Client{
		base:      base,
		http:      &http.Client{Transport: cfg.Transport, CheckRedirect: refuseRedirect},
		userAgent: cfg.UserAgent,
		kinds:     cfg.Kinds,
		json:      cfg.JSON,
	}
	if c.userAgent == "" {
		c.userAgent = DefaultUserAgent
	}
	if c.kinds == nil {
		c.kinds = kinds.Registry()
	}
	return c, nil
}

// refuseRedirect keeps credentials from following a redirect elsewhere. API
// servers send none.
func refuseRedirect(req *http.Request, _ []*http.Request) error {
	return fmt.Errorf("refuse redirect to %s", req.URL)
}

// Do sends a request to any path of the server, such as "/version".
//
// The verb is an HTTP method. The body may be nil, a []byte of JSON, a
// runtime.Object, or anything that encoding/json writes; the answer is put
// into into, which may be nil, a *[]byte, a *string, a runtime.Object pointer or anything
// that encoding/json reads. What is not a 2xx is an *apierrors.StatusError.
func (c *Client) Do(ctx context.Context, verb, path string, query url.Values, body, into any) error {
	req := request{method: verb, path: path, query: query, accept: api.JSON}
	if err := req.setBody(body, api.JSON); err != nil {
		return fmt.Errorf("%s %s: %w", strings.ToLower(verb), path, err)
	}
	if _, ok := into.(*string); ok {
		req.accept = "*/*"
	}
	answer, err := c.roundTrip(ctx, req)
	if err != nil {
		return err
	}
	if err := answer.into(into); err != nil {
		return fmt.Errorf("%s %s: %w", strings.ToLower(verb), path, err)
	}
	return nil
}

// ErrNoServer says that the server could not be reached or broke off in the
// middle of an answer. Whether it acted on the request is not known.
var ErrNoServer = errors.New("no answer from the API server")
