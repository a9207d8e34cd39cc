package fabric_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/network/bridge"
	"github.com/coracle-k8s/coracle/network/fabric"
	"github.com/coracle-k8s/coracle/network/netns"
)

func needRoot(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("a fabric needs Linux and root")
	}
}

// A lab is a fabric whose nodes each run one pod that answers with its name.
type lab struct {
	*fabric.Fabric
	nodes []fabric.Node
	pods  map[string]netip.Addr // by node
	podNS map[string]string
}

func newLab(t *testing.T, dir string, nodes ...string) *lab {
	t.Helper()
	cfg := fabric.Config{Dir: filepath.Join(dir, "ns")}
	f, err := fabric.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	l := &lab{Fabric: f, pods: map[string]netip.Addr{}, podNS: map[string]string{}}
	for i, name := range nodes {
		cidr := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 244, byte(i + 1), 0}), 24)
		node, err := f.AddNode(name, i+1, cidr)
		require.NoError(t, err)
		b, err := bridge.New(bridge.Config{NodeNS: node.NS, PodCIDR: cidr, Dir: filepath.Join(dir, "ipam-"+name)})
		require.NoError(t, err)
		ns := filepath.Join(dir, "pod-"+name)
		require.NoError(t, netns.Create(ns))
		t.Cleanup(func() { require.NoError(t, netns.Remove(ns)) })
		addr, err := b.Setup(t.Context(), ns, "pod-"+name)
		require.NoError(t, err)
		again, err := b.Setup(t.Context(), ns, "pod-"+name)
		require.NoError(t, err)
		require.Equal(t, addr, again, "setting up again changes nothing")
		l.nodes = append(l.nodes, node)
		l.pods[name], l.podNS[name] = addr, ns
		l.serve(t, ns, addr, "pod on "+name)
	}
	return l
}

// serve answers every connection to port 80 of addr with text.
func (l *lab) serve(t *testing.T, ns string, addr netip.Addr, text string) {
	listener, err := netns.Listen(ns, "tcp", netip.AddrPortFrom(addr, 80).String())
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(conn, "%s, asked by %s", text, conn.RemoteAddr().(*net.TCPAddr).IP)
			conn.Close()
		}
	})
	t.Cleanup(func() { listener.Close(); wg.Wait() })
}

func ask(t *testing.T, dial func(context.Context, string, string) (net.Conn, error), addr netip.Addr) string {
	t.Helper()
	conn, err := dial(t.Context(), "tcp", netip.AddrPortFrom(addr, 80).String())
	require.NoError(t, err)
	defer conn.Close()
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(answer)
}

func TestEverybodyReachesEveryPodAtItsOwnAddress(t *testing.T) {
	needRoot(t)
	l := newLab(t, t.TempDir(), "a", "b", "c")
	for _, to := range []string{"a", "b", "c"} {
		for _, from := range []string{"a", "b", "c"} {
			want := fmt.Sprintf("pod on %s, asked by %s", to, l.pods[from])
			require.Equal(t, want, ask(t, netns.Dialer(l.podNS[from]), l.pods[to]), "from pod on %s", from)
		}
		require.Contains(t, ask(t, l.Dial, l.pods[to]), "pod on "+to, "from the control plane")
		require.Contains(t, ask(t, netns.Dialer(l.nodes[0].NS), l.pods[to]), "pod on "+to, "from a node")
	}
}

func TestOpenTakesOverWhatIsThere(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	l := newLab(t, dir, "a")
	f, err := fabric.Open(fabric.Config{Dir: filepath.Join(dir, "ns")})
	require.NoError(t, err)
	node, err := f.AddNode("a", 1, l.nodes[0].PodCIDR)
	require.NoError(t, err)
	require.Equal(t, l.nodes[0], node)
	require.Contains(t, ask(t, f.Dial, l.pods["a"]), "pod on a")
}

func TestUplinkJoinsTheMachineAndLeavesNothingBehind(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	// A namespace stands in for the machine, so that this one is not touched.
	machine := filepath.Join(dir, "machine")
	require.NoError(t, netns.Create(machine))
	t.Cleanup(func() { require.NoError(t, netns.Remove(machine)) })
	l := newLab(t, dir, "a")
	cfg := fabric.Config{
		Dir: filepath.Join(dir, "ns"), Uplink: "coracle-test",
		Routed: []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16")},
	}
	require.NoError(t, netns.Do(machine, func() error {
		_, err := fabric.Open(cfg)
		return err
	}))
	require.Contains(t, ask(t, netns.Dialer(machine), l.pods["a"]), "pod on a, asked by 169.254.243.1")

	require.NoError(t, netns.Do(machine, func() error {
		if err := fabric.Purge(cfg); err != nil {
			return err
		}
		links, err := net.Interfaces()
		if err == nil && len(links) != 1 {
			err = fmt.Errorf("links left: %v", links)
		}
		return err
	}))
}

func TestUplinkRefusesAddressesThatTheMachineHasElsewhere(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	machine := filepath.Join(dir, "machine")
	require.NoError(t, netns.Create(machine))
	t.Cleanup(func() { require.NoError(t, netns.Remove(machine)) })
	open := func(name string) error {
		cfg := fabric.Config{Dir: filepath.Join(dir, name), Uplink: "cor-" + name}
		t.Cleanup(func() {
			require.NoError(t, netns.Do(machine, func() error { return fabric.Purge(cfg) }))
		})
		return netns.Do(machine, func() error {
			_, err := fabric.Open(cfg)
			return err
		})
	}
	require.NoError(t, open("first"))
	require.NoError(t, open("first"), "its own addresses are no obstacle")
	err := open("second")
	require.ErrorIs(t, err, fabric.ErrTaken)
	require.ErrorContains(t, err, "10.243.0.0/24 is reached through link cor-first")
}

func TestAddNodeRefusesAnIndexOutsideTheRange(t *testing.T) {
	needRoot(t)
	l := newLab(t, t.TempDir())
	for _, index := range []int{0, 250} {
		_, err := l.AddNode("x", index, netip.MustParsePrefix("10.244.9.0/24"))
		require.ErrorContains(t, err, "no address", "index %d", index)
	}
}

func ExampleConfig_Gateway() {
	cfg := fabric.Config{Nodes: fabric.DefaultNodes}
	fmt.Println(cfg.Gateway())
	// Output: 10.243.0.1
}
