package clustertest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Dial connects to an address in the pod network, from outside of any pod: a
// pod's address or a ClusterIP, or a name as a pod of namespace default would
// use it ("web:80", "web.shop:80", "web.shop.svc.cluster.local:80"). It has the
// signature of net.Dialer.DialContext.
func (c *Cluster) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	for _, suffix := range c.search(host) {
		conn, dialErr := c.memory.Network().Dial(ctx, network, net.JoinHostPort(host+suffix, port))
		if missing, ok := errors.AsType[*net.DNSError](dialErr); !ok || !missing.IsNotFound {
			return conn, dialErr
		}
		err = dialErr
	}
	return nil, err
}

// search lists what to append to a host, as the resolv.conf of a pod would.
func (c *Cluster) search(host string) []string {
	if net.ParseIP(host) != nil {
		return []string{""}
	}
	services := ".svc." + c.cluster.Config().Domain
	return []string{"." + metav1.NamespaceDefault + services, services, ""}
}

// HTTP returns a client on the pod network; see [Cluster.Dial]. Each request
// takes a connection of its own, so that Services balance every one.
func (c *Cluster) HTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: c.Dial, DisableKeepAlives: true}}
}

// Get requests a URL in the pod network, such as "http://web/", and returns the
// answer's body. An answer that is not 200 OK is an error. Unlike most methods it
// fails no test, so it may be called from any goroutine.
func (c *Cluster) Get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := c.HTTP().Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return string(body), errors.New(resp.Status)
	}
	return string(body), nil
}

// Logs returns what a container has written. The container may be "" in a pod
// that has one.
func (c *Cluster) Logs(namespace, pod, container string) string {
	c.t.Helper()
	query := url.Values{}
	if container != "" {
		query.Set("container", container)
	}
	var text string
	if err := c.admin.Do(c.t.Context(), http.MethodGet, podPath(namespace, pod)+"/log", query, nil, &text); err != nil {
		c.t.Fatalf("logs of pod %s/%s: %v", namespace, pod, err)
	}
	return text
}

func podPath(namespace, pod string) string {
	return "/api/" + corev1.SchemeGroupVersion.Version + "/namespaces/" + namespace + "/pods/" + pod
}
