package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const (
	userAgent = "kube-probe/1.37"
	// bodyLimit is how much of an answer is read, in bytes.
	bodyLimit = 10 << 10
	// redirectLimit is after how many redirects the answer counts as it is.
	redirectLimit = 10
)

// httpGet succeeds with a status from 200 to 399. Redirects are followed as
// long as they stay on the host.
func (p *Prober) httpGet(ctx context.Context, target Target, action *corev1.HTTPGetAction) Outcome {
	status, body, err := Get(ctx, p.Dial, target, action)
	switch {
	case err != nil:
		return Outcome{Failure, err.Error()}
	case status < 200 || status >= 400:
		return Outcome{Failure, fmt.Sprintf("HTTP probe failed with statuscode: %d", status)}
	}
	return Outcome{Success, body}
}

// Get does the request of a probe or of a lifecycle hook, over connections from
// dial. It returns the status and the start of the body.
func Get(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error), target Target, action *corev1.HTTPGetAction) (int, string, error) {
	req, err := request(ctx, target, action)
	if err != nil {
		return 0, "", err
	}
	transport := &http.Transport{
		DialContext:       dial,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // pods are probed by address
		DisableKeepAlives: true,
	}
	client := &http.Client{Transport: transport, CheckRedirect: sameHost}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	return resp.StatusCode, string(body), err
}

func request(ctx context.Context, target Target, action *corev1.HTTPGetAction) (*http.Request, error) {
	address, err := target.address(action.Host, action.Port)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(action.Path)
	if err != nil {
		return nil, fmt.Errorf("path of the request: %w", err)
	}
	u.Scheme, u.Host = "http", address
	if action.Scheme != "" {
		u.Scheme = strings.ToLower(string(action.Scheme))
	}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "*/*")
	for _, h := range action.HTTPHeaders {
		req.Header.Add(h.Name, h.Value)
		if strings.EqualFold(h.Name, "Host") {
			req.Host = h.Value
		}
	}
	if agents := req.Header.Values("User-Agent"); len(agents) > 1 {
		req.Header.Set("User-Agent", agents[1])
	}
	return req, nil
}

// sameHost stops at a redirect to elsewhere, which then is the answer.
func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) >= redirectLimit {
		return errors.New("stopped after " + strconv.Itoa(redirectLimit) + " redirects")
	}
	if req.URL.Hostname() != via[0].URL.Hostname() {
		return http.ErrUseLastResponse
	}
	req.Host = via[0].Host
	return nil
}
