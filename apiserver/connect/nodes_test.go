package connect_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver/connect"
	"github.com/coracle-k8s/coracle/pki"
)

// TestNodeTLS: the server and a kubelet know each other by the authority, over
// real TCP and TLS.
func TestNodeTLS(t *testing.T) {
	keys, err := pki.New()
	require.NoError(t, err)
	kubelet := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			w.WriteHeader(401)
			return
		}
		_, _ = w.Write([]byte(r.TLS.PeerCertificates[0].Subject.CommonName + " " + r.Proto))
	}))
	server, err := keys.ServerTLS("kubelet", "127.0.0.1")
	require.NoError(t, err)
	kubelet.Listener = tls.NewListener(kubelet.Listener, server)
	kubelet.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake that fails on purpose
	kubelet.Start()
	t.Cleanup(kubelet.Close)
	address := netip.MustParseAddrPort(strings.TrimPrefix(kubelet.URL, "http://"))
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1"},
		Status: corev1.NodeStatus{
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeHostName, Address: "no-such-host.invalid"},
				{Type: corev1.NodeInternalIP, Address: "127.0.0.1"},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: int32(address.Port())}},
		},
	}
	get := func(p *pki.PKI) (string, error) {
		client, err := p.ClientTLS(pki.UserKubeletClient)
		require.NoError(t, err)
		nodes := connect.NodeTLS(client)
		defer nodes.Close()
		transport, base, err := nodes.RoundTripper(node)
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(t.Context(), "GET", base+"/", nil)
		require.NoError(t, err)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body := make([]byte, 100)
		n, _ := resp.Body.Read(body)
		return string(body[:n]), nil
	}
	answer, err := get(keys)
	require.NoError(t, err)
	require.Equal(t, "kube-apiserver-kubelet-client HTTP/1.1", answer)

	stranger, err := pki.New()
	require.NoError(t, err)
	_, err = get(stranger)
	require.ErrorContains(t, err, "unknown authority", "a server never talks to a kubelet it cannot trust")

	_, _, err = connect.NodeTLS(nil).RoundTripper(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "new"}})
	require.ErrorContains(t, err, "node new: its status has no address")
}
