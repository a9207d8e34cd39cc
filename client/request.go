package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// maxTries is how often an idempotent request is sent to a server which keeps
// asking to come back later.
const maxTries = 10

// A request is one HTTP request before it is sent; since its body is in memory,
// it can be sent again.
type request struct {
	method, path string
	query        url.Values
	body         []byte
	contentType  string
	accept       string
}

// An answer is a complete successful response.
type answer struct {
	mediaType string
	body      []byte
}

func (r *request) setBody(body any, mediaType string) error {
	var err error
	switch body := body.(type) {
	case nil:
		return nil
	case []byte:
		r.body, mediaType = body, api.JSON
	case runtime.Object:
		r.body, err = api.Codecs().EncodeBytes(body, mediaType)
	default:
		r.body, err = json.Marshal(body)
		mediaType = api.JSON
	}
	r.contentType = mediaType
	return err
}

// into decodes the answer; see [Client.Do].
func (a answer) into(into any) error {
	switch into := into.(type) {
	case nil:
		return nil
	case *[]byte:
		*into = a.body
		return nil
	case *string:
		*into = string(a.body)
		return nil
	case runtime.Object:
		return a.decode(into)
	default:
		return json.Unmarshal(a.body, into)
	}
}

// decode reads the answer into obj, whose type must be of the kind the answer names.
func (a answer) decode(obj runtime.Object) error {
	found, err := api.Codecs().Decode(a.body, a.mediaType, defaultKind(obj), obj)
	if err != nil {
		return fmt.Errorf("decode %T: %w", obj, err)
	}
	if found.Object != obj {
		return fmt.Errorf("decode %T: the server sent a %s", obj, found.Kind.Kind)
	}
	return nil
}

func defaultKind(obj runtime.Object) schema.GroupVersionKind {
	kind, err := api.KindOf(obj)
	if err != nil {
		return schema.GroupVersionKind{} // then the data must name its kind
	}
	return kind
}

// roundTrip sends a request and reads the whole answer.
func (c *Client) roundTrip(ctx context.Context, req request) (answer, error) {
	resp, err := c.send(ctx, req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, req.broken(ctx, err)
	}
	return answer{mediaType: mediaType(resp), body: body}, nil
}

// send sends a request, again if the server asks to come back later and that is
// harmless, and returns a successful response whose body the caller closes.
func (c *Client) send(ctx context.Context, req request) (*http.Response, error) {
	for try := 1; ; try++ {
		resp, err := c.sendOnce(ctx, req)
		if err != nil {
			return nil, req.broken(ctx, err)
		}
		if resp.StatusCode >= 200 && resp.StatusCode < 300 {
			return resp, nil
		}
		failure := statusError(req, resp)
		wait, ok := retryAfter(resp)
		if !ok || !req.idempotent() || try == maxTries || outlasts(ctx, wait) {
			return nil, failure
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, failure
		}
	}
}

func (c *Client) sendOnce(ctx context.Context, req request) (*http.Response, error) {
	target := *c.base
	target.Path += req.path
	target.RawQuery = req.query.Encode()
	httpReq, err := http.NewRequestWithContext(ctx, req.method, target.String(), bytes.NewReader(req.body))
	if err != nil {
		return nil, err
	}
	httpReq.Header.Set("User-Agent", c.userAgent)
	if req.accept != "" {
		httpReq.Header.Set("Accept", req.accept)
	}
	if req.contentType != "" {
		httpReq.Header.Set("Content-Type", req.contentType)
	}
	return c.http.Do(httpReq)
}

// broken describes a request that got no answer. The context's own error comes
// first: who cancels a request wants to see that.
func (r *request) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w", strings.ToLower(r.method), r.path, context.Cause(ctx))
	}
	return fmt.Errorf("%s %s: %w: %w", strings.ToLower(r.method), r.path, ErrNoServer, err)
}

// idempotent says whether sending the request twice does what sending it once does.
func (r *request) idempotent() bool {
	switch r.method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// retryAfter returns how long a 429 or 503 asks to wait.
func retryAfter(resp *http.Response) (time.Duration, bool) {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0, false
	}
	return time.Duration(seconds) * time.Second, true
}

// outlasts says whether waiting so long is no use, as the context ends before.
func outlasts(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < d
}

// sleep waits. The error is the context's, if that ends before.
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

// statusError reads the Status which the server sends with every failure, or
// makes one of an answer that some proxy sent in its place. It closes the body.
func statusError(req request, resp *http.Response) error {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && len(body) > 0 {
		status := &metav1.Status{}
		a := answer{mediaType: mediaType(resp), body: body}
		if a.decode(status) == nil && status.Status == metav1.StatusFailure {
			return &apierrors.StatusError{ErrStatus: *status}
		}
	}
	wait, _ := retryAfter(resp)
	text := strings.TrimSpace(string(body))
	return apierrors.NewGenericServerResponse(resp.StatusCode, strings.ToLower(req.method),
		schema.GroupResource{}, req.path, text, int(wait/time.Second), true)
}

func mediaType(resp *http.Response) string {
	name, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return api.JSON
	}
	return name
}
