package connect

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/apiserver"
)

// exec runs a command in a container, or attaches to the one that runs.
type exec struct {
	kubelets
	path string
}

// ServeConnect implements apiserver.Connector.
func (e exec) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	pod, err := e.pod(r.Context(), c)
	if err != nil {
		return err
	}
	name, err := container(pod, r.URL.Query().Get("container"))
	if err != nil {
		return err
	}
	if phase := pod.Status.Phase; phase == corev1.PodSucceeded || phase == corev1.PodFailed {
		return apierrors.NewBadRequest(fmt.Sprintf("cannot exec into a container in a completed pod; current phase is %s", phase))
	}
	node, err := e.ofPod(r.Context(), pod)
	if err != nil {
		return err
	}
	query, err := e.options(r.URL.Query())
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/%s/%s/%s/%s", e.path, url.PathEscape(pod.Namespace), url.PathEscape(pod.Name), url.PathEscape(name))
	return upgrade(w, r, node, path, query)
}

// options turns those of the API into those of the kubelet.
func (e exec) options(asked url.Values) (url.Values, error) {
	query := url.Values{}
	for option, flag := range map[string]string{"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"} {
		text := asked.Get(option)
		if text == "" {
			continue
		}
		on, err := strconv.ParseBool(text)
		if err != nil {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("%s: must be true or false, not %q", option, text))
		}
		if on {
			query.Set(flag, "1")
		}
	}
	if !query.Has("input") && !query.Has("output") && !query.Has("error") {
		return nil, apierrors.NewBadRequest("you must specify at least one of stdin, stdout, stderr")
	}
	if e.path != "exec" {
		return query, nil
	}
	if len(asked["command"]) == 0 {
		return nil, apierrors.NewBadRequest("you must specify at least 1 command for the container")
	}
	query["command"] = asked["command"]
	return query, nil
}

// portForward carries connections to ports of a pod.
type portForward struct{ kubelets }

// ServeConnect implements apiserver.Connector.
func (p portForward) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	query := url.Values{}
	for _, list := range r.URL.Query()["ports"] {
		for port := range strings.SplitSeq(list, ",") {
			if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
				return apierrors.NewBadRequest(fmt.Sprintf("port %q is not a number from 1 to 65535", port))
			}
			query.Add("port", port)
		}
	}
	pod, err := p.pod(r.Context(), c)
	if err != nil {
		return err
	}
	node, err := p.ofPod(r.Context(), pod)
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/portForward/%s/%s", url.PathEscape(pod.Namespace), url.PathEscape(pod.Name))
	return upgrade(w, r, node, path, query)
}

// upgrade passes a protocol upgrade on to the kubelet and, when it agrees,
// connects the two ends.
func upgrade(w http.ResponseWriter, r *http.Request, node kubelet, path string, query url.Values) error {
	if r.Header.Get("Upgrade") == "" || !headerHas(r.Header, "Connection", "upgrade") {
		return apierrors.NewBadRequest("Upgrade request required")
	}
	resp, err := node.RoundTrip(upgradeRequest(r, node.base+path+"?"+query.Encode()))
	if err != nil {
		return node.unreachable(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		return refusal(resp)
	}
	backend, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		resp.Body.Close()
		return apierrors.NewInternalError(fmt.Errorf("the transport to node %s cannot upgrade", node.node))
	}
	defer backend.Close()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return apierrors.NewInternalError(fmt.Errorf("upgrade needs HTTP/1.1: %w", err))
	}
	defer client.Close()
	// From here on the connection is not HTTP any more: errors end it.
	if err := writeHead(client, resp); err == nil {
		splice(r.Context(), duplex{buffered, client, client}, backend)
	}
	return nil
}

// upgradeRequest is the client's request as the kubelet gets it: without what
// proves who the client is, with all that the two agree on.
func upgradeRequest(r *http.Request, target string) *http.Request {
	out := r.Clone(r.Context())
	out.URL, _ = url.Parse(target) // of our own making
	out.Host, out.RequestURI = "", ""
	out.Body, out.ContentLength = http.NoBody, 0
	out.TransferEncoding = nil
	stripCredentials(out.Header)
	out.Header.Del("Content-Length")
	out.Header.Set("Connection", "Upgrade")
	return out
}

// stripCredentials removes what a client says of itself and only we may read.
func stripCredentials(header http.Header) {
	for name := range header {
		if name == "Authorization" || strings.HasPrefix(name, "Impersonate-") || strings.HasPrefix(name, "X-Remote-") {
			header.Del(name)
		}
	}
}

// refusal makes an API error of what a kubelet answered instead of an upgrade
// or a text.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 16<<10))
	message := strings.TrimSpace(string(text))
	if message == "" {
		message = resp.Status
	}
	switch resp.StatusCode {
	case http.StatusBadRequest:
		return apierrors.NewBadRequest(message)
	case http.StatusUnauthorized, http.StatusForbidden:
		// It is us whom the kubelet does not trust, not the client.
		return apierrors.NewInternalError(fmt.Errorf("the kubelet refused the API server: %s", message))
	}
	if resp.StatusCode < 400 {
		return apierrors.NewInternalError(fmt.Errorf("the kubelet did not upgrade the connection: %s", message))
	}
	return apierrors.NewGenericServerResponse(resp.StatusCode, "get", corev1.Resource("pods"), "", message, 0, true)
}

// writeHead tells the client what the kubelet answered.
func writeHead(client io.Writer, resp *http.Response) error {
	head := &strings.Builder{}
	fmt.Fprintf(head, "HTTP/1.1 %d %s\r\n", resp.StatusCode, http.StatusText(resp.StatusCode))
	if err := resp.Header.Write(head); err != nil {
		return err
	}
	head.WriteString("\r\n")
	_, err := io.WriteString(client, head.String())
	return err
}

// A duplex is a connection of which some has been read already.
type duplex struct {
	io.Reader
	io.Writer
	io.Closer
}

// splice copies both ways until one side ends, then closes both.
func splice(ctx context.Context, a, b io.ReadWriteCloser) {
	closeBoth := sync.OnceFunc(func() {
		a.Close()
		b.Close()
	})
	stop := context.AfterFunc(ctx, closeBoth)
	defer stop()
	var copying sync.WaitGroup
	for _, way := range [][2]io.ReadWriteCloser{{a, b}, {b, a}} {
		copying.Go(func() {
			defer closeBoth()
			_, _ = io.Copy(way[0], way[1]) // either end may go away at any time
		})
	}
	copying.Wait()
}

// headerHas reports whether a comma-separated header has a word in it.
func headerHas(header http.Header, name, word string) bool {
	for _, value := range header.Values(name) {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), word) {
				return true
			}
		}
	}
	return false
}
