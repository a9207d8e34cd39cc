package bridge_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/coracle-k8s/coracle/network/bridge"
	"github.com/coracle-k8s/coracle/network/netns"
)

// newNS makes a namespace that is gone after the test, and skips where that
// cannot be.
func newNS(t *testing.T, name string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes network namespaces")
	}
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, netns.Create(path))
	t.Cleanup(func() { require.NoError(t, netns.Remove(path)) })
	return path
}

func TestBridge_pods_reach_each_other_through_the_node(t *testing.T) {
	node, a, b := newNS(t, "node"), newNS(t, "a"), newNS(t, "b")
	br, err := bridge.New(bridge.Config{NodeNS: node, PodCIDR: netip.MustParsePrefix("10.244.7.0/24"), Dir: t.TempDir()})
	require.NoError(t, err)
	addrA, err := br.Setup(t.Context(), a, "sandbox-a")
	require.NoError(t, err)
	addrB, err := br.Setup(t.Context(), b, "sandbox-b")
	require.NoError(t, err)
	require.NotEqual(t, addrA, addrB)

	// Each is alone on a /32: what is for its neighbour goes to the node.
	require.NoError(t, netns.Do(a, func() error {
		routes, err := netlink.RouteGet(net.IP(addrB.AsSlice()))
		require.NoError(t, err)
		require.Equal(t, br.Gateway().String(), routes[0].Gw.String())
		return nil
	}))
	listener, err := netns.Listen(b, "tcp", netip.AddrPortFrom(addrB, 80).String())
	require.NoError(t, err)
	defer listener.Close()
	from := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			from <- err.Error()
			return
		}
		from <- conn.RemoteAddr().(*net.TCPAddr).IP.String()
		conn.Close()
	}()
	conn, err := netns.Dialer(a)(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	require.Equal(t, addrA.String(), <-from, "a pod is seen at its own address")
}

func TestBridge_setup_and_teardown_can_be_repeated(t *testing.T) {
	node, pod := newNS(t, "node"), newNS(t, "pod")
	cfg := bridge.Config{NodeNS: node, PodCIDR: netip.MustParsePrefix("10.244.7.0/24"), Dir: t.TempDir()}
	br, err := bridge.New(cfg)
	require.NoError(t, err)
	first, err := br.Setup(t.Context(), pod, "sandbox")
	require.NoError(t, err)

	again, err := bridge.New(cfg) // as after a restart
	require.NoError(t, err)
	second, err := again.Setup(t.Context(), pod, "sandbox")
	require.NoError(t, err)
	require.Equal(t, first, second)

	require.NoError(t, again.Teardown(t.Context(), "sandbox"))
	require.NoError(t, again.Teardown(t.Context(), "sandbox"))
	require.NoError(t, netns.Do(node, func() error {
		links, err := netlink.LinkList()
		require.NoError(t, err)
		for _, l := range links {
			require.NotEqual(t, "veth", l.Type(), "a cable is left: %s", l.Attrs().Name)
		}
		return nil
	}))
	other, err := again.Setup(t.Context(), pod, "other")
	require.NoError(t, err)
	require.NotEqual(t, first, other, "an address just released is not given away at once")
}

// A pod whose namespace is gone, with its node's, is disconnected all the same.
func TestBridge_teardown_without_namespaces(t *testing.T) {
	node, pod := newNS(t, "node"), newNS(t, "pod")
	br, err := bridge.New(bridge.Config{NodeNS: node, PodCIDR: netip.MustParsePrefix("10.244.7.0/24"), Dir: t.TempDir()})
	require.NoError(t, err)
	_, err = br.Setup(t.Context(), pod, "sandbox")
	require.NoError(t, err)
	require.NoError(t, netns.Remove(pod))
	require.NoError(t, netns.Remove(node))
	require.NoError(t, br.Teardown(t.Context(), "sandbox"))
}
