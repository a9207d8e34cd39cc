package connect_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// mirror answers with what it was asked.
func mirror(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/away" {
		w.Header().Set("Location", "/login?next=1")
		w.WriteHeader(302)
		return
	}
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s %q", r.Method, r.URL, body, r.Header.Values("Authorization"))
}

func TestPodProxy(t *testing.T) {
	c := newCluster(t, nil, http.HandlerFunc(mirror))
	web := pod("web", "node-1", "app")
	web.Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "admin", ContainerPort: 9090}}
	c.add(web)
	for name, host := range map[string]string{
		"web": "10.1.0.7:8080", "web:admin": "10.1.0.7:9090", "web:1234": "10.1.0.7:1234",
		"https:web:": "10.1.0.7:8080", "https:web:8443": "10.1.0.7:8443",
	} {
		code, body := c.call("PUT", podsPath+name+"/proxy/a/b%20c?x=1&x=2", "data", "Authorization", "Bearer secret", "Impersonate-User", "")
		require.Equal(t, 200, code, name)
		require.Equal(t, `PUT /a/b%20c?x=1&x=2 data []`, body, "%s: the client's credentials stay here", name)
		require.Equal(t, host, c.pods.last.URL.Host, name)
	}
	require.Equal(t, "https", c.scheme("https:web:"))
	require.Equal(t, "http", c.scheme("web"))

	for _, ip := range []string{"127.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "224.0.0.1"} {
		evil := pod("evil-"+fmt.Sprint(len(ip))+ip[:1], "node-1", "app")
		evil.Name = fmt.Sprintf("evil-%x", ip)
		evil.Status.PodIP = ip
		c.add(evil)
		code, message := c.call("GET", podsPath+evil.Name+"/proxy/", "")
		require.Equal(t, 400, code, ip)
		require.Contains(t, message, "not allowed", ip)
	}
	code, message := c.call("GET", podsPath+"ftp:web:21/proxy/", "")
	require.Equal(t, 400, code)
	require.Contains(t, message, "want [scheme:]name[:port]")
	code, _ = c.call("GET", podsPath+"web:nope/proxy/", "")
	require.Equal(t, 400, code)
	code, _ = c.call("GET", podsPath+"ghost/proxy/", "")
	require.Equal(t, 404, code)
	nowhere := pod("nowhere", "node-1", "app")
	nowhere.Status.PodIP = ""
	c.add(nowhere)
	code, _ = c.call("GET", podsPath+"nowhere/proxy/", "")
	require.Equal(t, 400, code)
}

func (c *cluster) scheme(name string) string {
	c.t.Helper()
	code, _ := c.call("GET", podsPath+name+"/proxy/x", "")
	require.Equal(c.t, 200, code)
	return c.pods.last.URL.Scheme
}

func TestProxy_redirects(t *testing.T) {
	c := newCluster(t, nil, http.HandlerFunc(mirror))
	c.add(pod("web", "node-1", "app"))
	location := func(path string) string {
		r, err := http.NewRequestWithContext(t.Context(), "GET", c.url+path, nil)
		require.NoError(t, err)
		resp, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.Header.Get("Location")
	}
	require.Equal(t, podsPath+"web/proxy/login?next=1", location(podsPath+"web/proxy/away"))
	require.Equal(t, podsPath+"web/proxy/", location(podsPath+"web/proxy"))
	require.Empty(t, location(podsPath+"web/proxy/"))
}

func TestServiceProxy(t *testing.T) {
	c := newCluster(t, nil, http.HandlerFunc(mirror))
	no, tcp := false, corev1.ProtocolTCP
	a, b, port, other := "http", "metrics", int32(8080), int32(9100)
	c.add(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}, Spec: corev1.ServiceSpec{
		Ports: []corev1.ServicePort{{Name: a, Port: 80}, {Name: b, Port: 81}},
	}})
	c.add(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "empty"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}})
	c.add(&discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: "web-1", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &a, Port: &port, Protocol: &tcp}, {Name: &b, Port: &other, Protocol: &tcp}},
		Endpoints: []discoveryv1.Endpoint{
			{Addresses: []string{"10.1.0.8"}, Conditions: discoveryv1.EndpointConditions{Ready: &no}},
			{Addresses: []string{"10.1.0.9"}},
		},
	})
	const services = "/api/v1/namespaces/shop/services/"
	for name, host := range map[string]string{"web:http": "10.1.0.9:8080", "web:80": "10.1.0.9:8080", "web:metrics": "10.1.0.9:9100"} {
		code, body := c.call("GET", services+name+"/proxy/x", "")
		require.Equal(t, 200, code, body)
		require.Equal(t, host, c.pods.last.URL.Host, "ready endpoints only")
	}
	for name, want := range map[string]string{
		"web":     "no service port",
		"web:x":   `no service port "x" found for service "web"`,
		"empty":   `no endpoints available for service "empty"`,
		"empty:1": "no service port",
	} {
		code, message := c.call("GET", services+name+"/proxy/x", "")
		require.Equal(t, 503, code, name)
		require.Contains(t, message, want, name)
	}
}

func TestNodeProxy(t *testing.T) {
	c := newCluster(t, http.HandlerFunc(mirror), nil)
	code, body := c.call("GET", "/api/v1/nodes/node-1/proxy/stats/summary?a=b", "")
	require.Equal(t, 200, code)
	require.Equal(t, "GET /stats/summary?a=b  []", body)
	code, message := c.call("GET", "/api/v1/nodes/down/proxy/pods", "")
	require.Equal(t, 503, code)
	require.Contains(t, message, "error trying to reach service: connection refused")
}

func TestProxy_upgrades(t *testing.T) {
	c := newCluster(t, nil, http.HandlerFunc(echo))
	c.add(pod("web", "node-1", "app"))
	resp, conn, in := c.dial(podsPath + "web/proxy/ws")
	require.Equal(t, 101, resp.StatusCode)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "GET /ws ")
	_, err = io.WriteString(conn, "hello\n")
	require.NoError(t, err)
	line, err = in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "hello\n", line)
}
