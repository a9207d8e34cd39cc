package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/apiserver"
)

// maxAnswer is how much of an answer is read: a patch that adds as much as an
// object may have, in base64, and room to spare.
const maxAnswer = 2*apiserver.MaxBodyBytes + 1<<20

// A Caller sends questions to one webhook, of whichever kind.
type Caller struct {
	url       *url.URL
	client    *http.Client
	transport *http.Transport
	bad       error // why it cannot call
}

// NewCaller reads where a webhook is. Services are looked up in objects, and their
// endpoints reached by dial (nil: over the machine's network). Connections are
// kept for a while; HTTP/2 is not used, since it would tie all calls to one endpoint.
//
// A configuration that cannot be used is not an error here but one of every call.
func NewCaller(objects apiserver.Objects, dial func(context.Context, string, string) (net.Conn, error), config *admissionregistrationv1.WebhookClientConfig) *Caller {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(config.CABundle) > 0 {
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(config.CABundle) {
			return &Caller{bad: errors.New("unable to load root certificates: unable to parse bytes as PEM block")}
		}
	}
	c := &Caller{transport: &http.Transport{
		TLSClientConfig: trust, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute,
		MaxIdleConnsPerHost: 25, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}}
	var way http.RoundTripper = c.transport
	if s := config.Service; s != nil {
		to := service{objects: objects, ref: s, next: c.transport}
		trust.ServerName, c.transport.DialContext, way = to.host(), dial, to
		c.url = &url.URL{Scheme: "https", Host: net.JoinHostPort(to.host(), strconv.Itoa(int(to.port())))}
		if s.Path != nil {
			c.url = c.url.JoinPath(*s.Path)
		}
	} else if config.URL != nil {
		if c.url, c.bad = url.Parse(*config.URL); c.bad == nil && c.url.Path != "" {
			c.url = c.url.JoinPath() // as Kubernetes asks: no slash twice
		}
	} else {
		c.bad = errors.New("webhook configuration must have either service or URL")
	}
	c.client = &http.Client{Transport: way, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a webhook must not send us elsewhere
	}}
	return c
}

// Close ends the connections that are idle.
func (c *Caller) Close() {
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
}

// Ask sends a question and reads the answer, both in JSON. The webhook is told by
// a parameter how long it has: until ctx ends.
func (c *Caller) Ask(ctx context.Context, question, answer any) error {
	if c.bad != nil {
		return c.bad
	}
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address(ctx), bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, */*")
	r.Header.Set("User-Agent", "kube-apiserver-admission")
	response, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case ctx.Err() != nil: // even if all is there: it may be an end of the webhook's own making
		return &url.Error{Op: "Post", URL: r.URL.String(), Err: ctx.Err()}
	case err != nil:
		return fmt.Errorf("unexpected error when reading response body: %w", err)
	case len(data) > maxAnswer:
		return fmt.Errorf("the response is larger than %d bytes", maxAnswer)
	}
	return readAnswer(response, data, answer)
}

// address is the URL, with the time left for the webhook to heed.
func (c *Caller) address(ctx context.Context) string {
	to := *c.url
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		if whole := left.Truncate(time.Second); whole != left {
			left = whole + time.Second
		}
		query := to.Query()
		query.Set("timeout", left.String())
		to.RawQuery = query.Encode()
	}
	return to.String()
}

// readAnswer decodes an answer of 2xx, and makes an error of any other.
func readAnswer(response *http.Response, data []byte, answer any) error {
	if response.StatusCode < 200 || response.StatusCode > 206 {
		return refusal(response, data)
	}
	// Whatever type it says it has: controller-runtime's webhooks say none.
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("couldn't get version/kind; json parse error: %w", err)
	}
	return nil
}

// refusal is the error of another status code: the Status in the body, if it is
// one, or what the code means.
func refusal(response *http.Response, data []byte) error {
	var status metav1.Status
	if json.Unmarshal(data, &status) == nil && status.Kind == "Status" && status.Status == metav1.StatusFailure {
		return &apierrors.StatusError{ErrStatus: status}
	}
	text := string(data[:min(len(data), 2048)])
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/") {
		text = "unknown"
	}
	return apierrors.NewGenericServerResponse(response.StatusCode, "POST", schema.GroupResource{}, "",
		strings.TrimSpace(text), 0, true)
}
