package connect

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/apiserver"
)

// logs serves what a container wrote: pods/log.
type logs struct{ kubelets }

// ServeConnect implements apiserver.Connector.
func (l logs) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	query, err := logOptions(r.URL.Query())
	if err != nil {
		return err
	}
	pod, err := l.pod(r.Context(), c)
	if err != nil {
		return err
	}
	name, err := container(pod, r.URL.Query().Get("container"))
	if err != nil {
		return err
	}
	if pod.Spec.NodeName == "" || neverRan(pod, name) && !query.Has("previous") {
		return waitingError(pod, name)
	}
	node, err := l.ofPod(r.Context(), pod)
	if err != nil {
		return err
	}
	target := fmt.Sprintf("%s/containerLogs/%s/%s/%s?%s", node.base,
		url.PathEscape(pod.Namespace), url.PathEscape(pod.Name), url.PathEscape(name), query.Encode())
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, target, nil)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	resp, err := node.RoundTrip(req)
	if err != nil {
		return node.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusOK)
	copyFlushing(w, resp.Body)
	return nil
}

// copyFlushing copies a stream so that its reader sees every line at once. An
// error ends it: the answer has started and has no room for one.
func copyFlushing(w http.ResponseWriter, from io.Reader) {
	out := http.NewResponseController(w)
	_ = out.Flush()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return
			}
			_ = out.Flush() // a writer without it does not hold back
		}
		if err != nil {
			return
		}
	}
}

// logOptions checks the API's options and returns the kubelet's, which have the
// same names.
func logOptions(asked url.Values) (url.Values, error) {
	query := url.Values{}
	var errs field.ErrorList
	for _, name := range []string{"follow", "previous", "timestamps"} {
		if !asked.Has(name) {
			continue
		}
		on, err := strconv.ParseBool(asked.Get(name))
		if err != nil && asked.Get(name) != "" {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("%s: must be true or false, not %q", name, asked.Get(name)))
		}
		if on {
			query.Set(name, "true")
		}
	}
	for name, least := range map[string]int64{"sinceSeconds": 1, "tailLines": 0, "limitBytes": 1} {
		text := asked.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("%s: %q is not a number", name, text))
		}
		if n < least {
			errs = append(errs, field.Invalid(field.NewPath(name), n, fmt.Sprintf("must be greater than or equal to %d", least)))
		}
		query.Set(name, text)
	}
	if since := asked.Get("sinceTime"); since != "" {
		if _, err := time.Parse(time.RFC3339, since); err != nil {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("sinceTime: %q is not an RFC 3339 time", since))
		}
		query.Set("sinceTime", since)
		if query.Has("sinceSeconds") {
			errs = append(errs, field.Forbidden(field.NewPath(""), "at most one of `sinceTime` or `sinceSeconds` may be specified"))
		}
	}
	if stream := asked.Get("stream"); stream != "" && stream != corev1.LogStreamAll {
		errs = append(errs, field.NotSupported(field.NewPath("stream"), stream, []string{corev1.LogStreamAll}))
	}
	if len(errs) > 0 {
		return nil, apierrors.NewInvalid(schema.GroupKind{Kind: "PodLogOptions"}, "", errs)
	}
	return query, nil
}
