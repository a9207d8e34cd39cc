package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// limit gives a request that is no stream its time: what the client asks for with
// ?timeout=, but not more than the server's own limit. A body that is not there by
// then is not waited for. The function returned is to be called at the end.
func (q *request) limit() (func(), error) {
	if q.longRunning() {
		return func() {}, nil
	}
	timeout := q.server.RequestTimeout
	if text := q.URL.Query().Get("timeout"); text != "" {
		asked, err := time.ParseDuration(text)
		if err != nil {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("invalid timeout specified in the request URL - %v", err))
		}
		if asked > 0 && asked < timeout {
			timeout = asked
		}
	}
	ctx, cancel := context.WithTimeout(q.Context(), timeout)
	q.Request = q.WithContext(ctx)
	if q.Body != nil && q.Body != http.NoBody {
		// A connection in memory has no deadlines; it cannot be slow either.
		_ = http.NewResponseController(q.w).SetReadDeadline(time.Now().Add(timeout))
	}
	return cancel, nil
}
