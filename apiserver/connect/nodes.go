package connect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// kubeletPort is where kubelets listen that do not say so.
const kubeletPort = 10250

// TLSNodes reaches kubelets over TCP and TLS, at the address and port that their
// nodes' status names.
type TLSNodes struct{ transport *http.Transport }

var _ apiserver.NodeTransport = (*TLSNodes)(nil)

// NodeTLS returns a transport to kubelets. The configuration is a client's: it
// says whom to trust and has the certificate to show (see pki.PKI.ClientTLS).
func NodeTLS(config *tls.Config) *TLSNodes {
	return &TLSNodes{transport: &http.Transport{
		TLSClientConfig:     config,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     time.Minute,
		// HTTP/1.1 only, because streams need its Upgrade.
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}}
}

// Dialing makes the transport connect by dial, for nodes that are on a network
// of their own, and returns it. Call it before the first use.
func (t *TLSNodes) Dialing(dial func(ctx context.Context, network, address string) (net.Conn, error)) *TLSNodes {
	t.transport.DialContext = dial
	return t
}

// RoundTripper implements apiserver.NodeTransport.
func (t *TLSNodes) RoundTripper(node *corev1.Node) (http.RoundTripper, string, error) {
	address, err := nodeAddress(node)
	if err != nil {
		return nil, "", err
	}
	port := int(node.Status.DaemonEndpoints.KubeletEndpoint.Port)
	if port == 0 {
		port = kubeletPort
	}
	return t.transport, "https://" + net.JoinHostPort(address, strconv.Itoa(port)), nil
}

// Close closes the connections that are not in use.
func (t *TLSNodes) Close() { t.transport.CloseIdleConnections() }

// nodeAddress prefers addresses to names, which need a DNS that knows them.
func nodeAddress(node *corev1.Node) (string, error) {
	for _, kind := range []corev1.NodeAddressType{
		corev1.NodeInternalIP, corev1.NodeExternalIP, corev1.NodeInternalDNS, corev1.NodeHostName,
	} {
		i := slices.IndexFunc(node.Status.Addresses, func(a corev1.NodeAddress) bool { return a.Type == kind })
		if i >= 0 && node.Status.Addresses[i].Address != "" {
			return node.Status.Addresses[i].Address, nil
		}
	}
	return "", fmt.Errorf("node %s: %w", node.Name, errNoAddress)
}

var errNoAddress = errors.New("its status has no address")
