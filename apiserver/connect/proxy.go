package connect

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/internal/body"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// podTransport reaches pods over TCP. Their certificates say nothing to us.
func podTransport() http.RoundTripper {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
		TLSHandshakeTimeout: 10 * time.Second,
		DisableKeepAlives:   true,
	}
}

// A target is the [scheme:]name[:port] that a proxy's URL has as its name.
type target struct{ scheme, name, port string }

// parseTarget reads "web", "web:8080", "https:web:" or "https:web:8443".
func parseTarget(text string) (target, error) {
	parts := strings.Split(text, ":")
	var t target
	switch len(parts) {
	case 1:
		t = target{"http", parts[0], ""}
	case 2:
		t = target{"http", parts[0], parts[1]}
	case 3:
		t = target{cmp.Or(parts[0], "http"), parts[1], parts[2]}
	}
	if t.name == "" || t.scheme != "http" && t.scheme != "https" {
		return t, apierrors.NewBadRequest(fmt.Sprintf("invalid request %q: want [scheme:]name[:port]", text))
	}
	return t, nil
}

// podProxy passes HTTP on to a pod.
type podProxy struct {
	objects   apiserver.Objects
	transport http.RoundTripper
}

// ServeConnect implements apiserver.Connector.
func (p podProxy) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	t, err := parseTarget(c.Name)
	if err != nil {
		return err
	}
	pod, err := typed.Get[*corev1.Pod](r.Context(), p.objects, c.Namespace, t.name)
	if err != nil {
		return err
	}
	port, err := podPort(pod, t.port)
	if err != nil {
		return err
	}
	host, err := hostPort(pod.Status.PodIP, port)
	if err != nil {
		return err
	}
	return forward(w, r, c, p.transport, t.scheme+"://"+host)
}

// podPort finds a port by its number or name; without either it is the first
// that the pod lists, or the scheme's own.
func podPort(pod *corev1.Pod, asked string) (int, error) {
	if n, err := strconv.Atoi(asked); err == nil {
		return n, nil
	}
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			if asked == "" || p.Name == asked {
				return int(p.ContainerPort), nil
			}
		}
	}
	if asked != "" {
		return 0, apierrors.NewBadRequest(fmt.Sprintf("pod %s has no port named %q", pod.Name, asked))
	}
	return 0, nil
}

// serviceProxy passes HTTP on to an endpoint of a service.
type serviceProxy struct {
	objects   apiserver.Objects
	transport http.RoundTripper
}

// ServeConnect implements apiserver.Connector.
func (p serviceProxy) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	t, err := parseTarget(c.Name)
	if err != nil {
		return err
	}
	host, err := p.endpoint(r.Context(), c.Namespace, t)
	if err != nil {
		return err
	}
	return forward(w, r, c, p.transport, t.scheme+"://"+host)
}

// nodeProxy passes HTTP on to a kubelet, as who we are there. The port of the
// URL is not heard: there is one kubelet on a node.
type nodeProxy struct{ kubelets }

// ServeConnect implements apiserver.Connector.
func (p nodeProxy) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	t, err := parseTarget(c.Name)
	if err != nil {
		return err
	}
	node, err := p.of(r.Context(), t.name)
	if err != nil {
		return err
	}
	return forward(w, r, c, node, node.base)
}

// hostPort joins an address of a pod and a port, if it is one that a pod can
// have: nobody may talk through us to what listens on our own loopback, or to
// the link-local metadata service of a cloud.
func hostPort(ip string, port int) (string, error) {
	if ip == "" {
		return "", apierrors.NewBadRequest("address not allowed") // it has none yet
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.IsLoopback() || addr.IsUnspecified() || addr.IsLinkLocalUnicast() || addr.IsMulticast() {
		return "", apierrors.NewBadRequest(fmt.Sprintf("address %s not allowed", ip))
	}
	if port == 0 {
		return net.JoinHostPort(ip, "80"), nil
	}
	if port < 1 || port > 65535 {
		return "", apierrors.NewBadRequest(fmt.Sprintf("port %d not allowed", port))
	}
	return net.JoinHostPort(ip, strconv.Itoa(port)), nil
}

// forward passes the request on, upgrades included, to what is at base.
func forward(w http.ResponseWriter, r *http.Request, c *apiserver.Connection, transport http.RoundTripper, base string) error {
	to, err := url.Parse(base)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	if c.Path == "" && !strings.HasSuffix(r.URL.Path, "/") && (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Upgrade") == "" {
		// So that relative links of the page lead back here.
		here := *r.URL
		here.Path += "/"
		here.RawPath = ""
		w.Header().Set("Location", here.RequestURI())
		w.WriteHeader(http.StatusMovedPermanently)
		return nil
	}
	prefix := strings.TrimSuffix(strings.TrimSuffix(r.URL.Path, c.Path), "/")
	proxy := &httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1,
		Rewrite: func(out *httputil.ProxyRequest) {
			out.Out.URL.Scheme, out.Out.URL.Host = to.Scheme, to.Host
			out.Out.URL.Path, out.Out.URL.RawPath = cmp.Or(c.Path, "/"), ""
			out.Out.Host = to.Host
			stripCredentials(out.Out.Header)
			out.SetXForwarded()
			out.Out.Header.Set("X-Forwarded-Uri", r.URL.Path)
		},
		ModifyResponse: func(resp *http.Response) error {
			relocate(resp, to.Host, prefix)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			body.WriteError(w, r, apierrors.NewServiceUnavailable("error trying to reach service: "+err.Error()))
		},
	}
	proxy.ServeHTTP(w, r)
	return nil
}

// relocate makes a redirect of the backend to itself one through the proxy.
func relocate(resp *http.Response, host, prefix string) {
	location, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return
	}
	if location.Host != "" && location.Host != host || !strings.HasPrefix(location.Path, "/") {
		return
	}
	location.Scheme, location.Host = "", ""
	location.Path = prefix + location.Path
	resp.Header.Set("Location", location.String())
}

// endpoint picks a ready endpoint of a service, any of them alike.
func (p serviceProxy) endpoint(ctx context.Context, namespace string, t target) (string, error) {
	service, err := typed.Get[*corev1.Service](ctx, p.objects, namespace, t.name)
	if err != nil {
		return "", err
	}
	portName, err := servicePort(service, t.port)
	if err != nil {
		return "", err
	}
	return pickEndpoint(ctx, p.objects, service, portName)
}
