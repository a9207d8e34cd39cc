package nftables_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/knftables"

	"github.com/coracle-k8s/coracle/network/bridge"
	"github.com/coracle-k8s/coracle/network/fabric"
	"github.com/coracle-k8s/coracle/network/netns"
	"github.com/coracle-k8s/coracle/network/proxy"
	"github.com/coracle-k8s/coracle/network/proxy/nftables"
)

var podRange = netip.MustParsePrefix("10.244.0.0/16")

// A node is a real node with two pods on a bridge. Each pod answers with its
// name on port 8080, over TCP and UDP.
type node struct {
	ns    string
	pods  []netip.AddrPort
	podNS []string
	*nftables.Backend
}

func newNode(t *testing.T) *node {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("nftables needs Linux and root")
	}
	dir := t.TempDir()
	f, err := fabric.Open(fabric.Config{Dir: filepath.Join(dir, "fabric")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	machine, err := f.AddNode("node", 1, netip.MustParsePrefix("10.244.1.0/24"))
	require.NoError(t, err)
	n := &node{ns: machine.NS}
	b, err := bridge.New(bridge.Config{NodeNS: n.ns, PodCIDR: machine.PodCIDR, Dir: dir + "/ipam"})
	require.NoError(t, err)
	for _, name := range []string{"a", "b"} {
		ns := filepath.Join(dir, name)
		require.NoError(t, netns.Create(ns))
		t.Cleanup(func() { require.NoError(t, netns.Remove(ns)) })
		ip, err := b.Setup(t.Context(), ns, name)
		require.NoError(t, err)
		addr := netip.AddrPortFrom(ip, 8080)
		n.pods, n.podNS = append(n.pods, addr), append(n.podNS, ns)
		answer(t, ns, addr, name)
	}
	n.Backend, err = nftables.New(n.ns, podRange)
	if err != nil {
		t.Skipf("no nft here: %v", err)
	}
	return n
}

func answer(t *testing.T, ns string, addr netip.AddrPort, text string) {
	t.Helper()
	tcp, err := netns.Listen(ns, "tcp", addr.String())
	require.NoError(t, err)
	udp, err := netns.ListenPacket(ns, "udp", addr.String())
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(conn, "%s for %s", text, conn.RemoteAddr().(*net.TCPAddr).IP)
			conn.Close()
		}
	})
	wg.Go(func() {
		buf := make([]byte, 100)
		for {
			_, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			udp.WriteTo([]byte(text), from)
		}
	})
	t.Cleanup(func() { tcp.Close(); udp.Close(); wg.Wait() })
}

// ask connects from inside ns and returns what it is told.
func ask(ctx context.Context, ns, addr string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := netns.Dialer(ns)(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	return string(text), err
}

// askMany asks n times and returns how often each pod answered.
func askMany(t *testing.T, ns, addr string, n int) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for range n {
		text, err := ask(t.Context(), ns, addr)
		require.NoError(t, err)
		pod, _, _ := strings.Cut(text, " ")
		seen[pod]++
	}
	return seen
}

func web(endpoints ...netip.AddrPort) proxy.Port {
	return proxy.Port{
		Service: "default/web", Protocol: corev1.ProtocolTCP,
		IPs: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Number: 80, NodePort: 30080,
		Endpoints: endpoints, External: endpoints,
	}
}

func TestConnectionsAreSpreadOverThePods(t *testing.T) {
	n := newNode(t)
	require.NoError(t, n.Sync(t.Context(), proxy.Table{Ports: []proxy.Port{web(n.pods...)}}))

	t.Run("from a pod, itself among those that answer", func(t *testing.T) {
		seen := askMany(t, n.podNS[0], "10.96.0.10:80", 40)
		require.Len(t, seen, 2, "%v", seen)
	})
	t.Run("from the node", func(t *testing.T) {
		require.Len(t, askMany(t, n.ns, "10.96.0.10:80", 40), 2)
	})
	t.Run("through a node port", func(t *testing.T) {
		require.Len(t, askMany(t, n.podNS[1], "10.244.1.1:30080", 40), 2)
	})
	t.Run("a pod keeps its address when it calls another", func(t *testing.T) {
		for {
			text, err := ask(t.Context(), n.podNS[0], "10.96.0.10:80")
			require.NoError(t, err)
			if strings.HasPrefix(text, "b") {
				require.Equal(t, "b for "+n.pods[0].Addr().String(), text)
				return
			}
		}
	})
}

func TestRulesFollowTheTable(t *testing.T) {
	n := newNode(t)
	sync := func(ports ...proxy.Port) { require.NoError(t, n.Sync(t.Context(), proxy.Table{Ports: ports})) }

	sync(web(n.pods...))
	sync(web(n.pods[1]))
	require.Equal(t, map[string]int{"b": 20}, askMany(t, n.podNS[0], "10.96.0.10:80", 20), "a pod that left gets nothing")

	sync(web())
	for _, ns := range []string{n.podNS[0], n.ns} {
		_, err := ask(t.Context(), ns, "10.96.0.10:80")
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "a service without pods refuses at once")
	}
	sync(web(n.pods[0]))
	require.Equal(t, map[string]int{"a": 5}, askMany(t, n.podNS[1], "10.96.0.10:80", 5))

	sync()
	require.NoError(t, n.Remove(t.Context()))
	require.NoError(t, n.Remove(t.Context()), "removing what is not there")
}

func TestAClientSticksToItsPodAlsoWhenOthersCome(t *testing.T) {
	n := newNode(t)
	sticky := web(n.pods...)
	sticky.Affinity = time.Hour
	require.NoError(t, n.Sync(t.Context(), proxy.Table{Ports: []proxy.Port{sticky}}))
	first := askMany(t, n.podNS[0], "10.96.0.10:80", 20)
	require.Len(t, first, 1)

	other := web(n.pods[0])
	other.Service, other.IPs, other.NodePort = "default/zoo", []netip.Addr{netip.MustParseAddr("10.96.0.11")}, 0
	require.NoError(t, n.Sync(t.Context(), proxy.Table{Ports: []proxy.Port{sticky, other}}))
	require.Equal(t, first, askMany(t, n.podNS[0], "10.96.0.10:80", 20))
}

func TestUDPFlowsMoveAwayFromAPodThatLeft(t *testing.T) {
	n := newNode(t)
	dns := web(n.pods[0])
	dns.Protocol, dns.NodePort = corev1.ProtocolUDP, 0
	require.NoError(t, n.Sync(t.Context(), proxy.Table{Ports: []proxy.Port{dns}}))
	conn, err := netns.Dialer(n.podNS[1])(t.Context(), "udp", "10.96.0.10:80")
	require.NoError(t, err)
	defer conn.Close()
	require.Equal(t, "a", exchange(t, conn))

	dns.Endpoints = []netip.AddrPort{n.pods[1]}
	require.NoError(t, n.Sync(t.Context(), proxy.Table{Ports: []proxy.Port{dns}}))
	require.Equal(t, "b", exchange(t, conn), "the same socket, the same flow")
}

func exchange(t *testing.T, conn net.Conn) string {
	t.Helper()
	_, err := conn.Write([]byte("?"))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	buf := make([]byte, 100)
	k, err := conn.Read(buf)
	require.NoError(t, err)
	return string(buf[:k])
}

// failing is nft that refuses to run.
type failing struct{ *knftables.Fake }

func (failing) Run(context.Context, *knftables.Transaction) error { return errors.New("no memory") }

func TestSyncReportsWhatNftSays(t *testing.T) {
	fake := failing{knftables.NewFake(knftables.IPv4Family, nftables.TableName)}
	err := nftables.NewWith(fake, "", podRange).Sync(t.Context(), proxy.Table{})
	require.EqualError(t, err, "write nftables rules: no memory")
}

func ExampleBackend_Sync() {
	fake := knftables.NewFake(knftables.IPv4Family, nftables.TableName)
	backend := nftables.NewWith(fake, "", podRange)
	err := backend.Sync(context.Background(), proxy.Table{Ports: []proxy.Port{
		web(netip.MustParseAddrPort("10.244.1.2:8080")),
	}})
	fmt.Println(err)
	for line := range strings.Lines(fake.Dump()) {
		if strings.Contains(line, "dnat to") || strings.Contains(line, "element") {
			fmt.Print(line)
		}
	}
	// Output:
	// <nil>
	// add rule ip coracle-proxy in-to-momxnctcejuu2pvy meta l4proto tcp dnat to 10.244.1.2:8080
	// add rule ip coracle-proxy out-to-momxnctcejuu2pvy meta l4proto tcp dnat to 10.244.1.2:8080
	// add element ip coracle-proxy service-ips { 10.96.0.10 . tcp . 80 : goto svc-h5eipcaxgrq7zi25 }
	// add element ip coracle-proxy service-nodes { tcp . 30080 : goto ext-h5eipcaxgrq7zi25 }
}
