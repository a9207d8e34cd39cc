package hostport_test

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/network/bridge"
	"github.com/coracle-k8s/coracle/network/fabric"
	"github.com/coracle-k8s/coracle/network/hostport"
	"github.com/coracle-k8s/coracle/network/netns"
)

func TestPortsOfTheNodeLeadToThePod(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("host ports need Linux and root")
	}
	dir := t.TempDir()
	f, err := fabric.Open(fabric.Config{Dir: filepath.Join(dir, "fabric")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	node, err := f.AddNode("a", 1, netip.MustParsePrefix("10.244.1.0/24"))
	require.NoError(t, err)
	b, err := bridge.New(bridge.Config{NodeNS: node.NS, PodCIDR: node.PodCIDR, Dir: filepath.Join(dir, "ipam")})
	require.NoError(t, err)
	pod := filepath.Join(dir, "pod")
	require.NoError(t, netns.Create(pod))
	t.Cleanup(func() { require.NoError(t, netns.Remove(pod)) })
	ip, err := b.Setup(t.Context(), pod, "sandbox")
	require.NoError(t, err)
	serve(t, pod, netip.AddrPortFrom(ip, 80))

	ports, err := hostport.New(t.Context(), node.NS)
	if err != nil {
		t.Skipf("no nft here: %v", err)
	}
	nodeIP := node.IP.String()
	require.NoError(t, ports.Add(t.Context(), "sandbox", ip, []hostport.Mapping{
		{Protocol: "tcp", HostPort: 8080, PodPort: 80},
		{Protocol: "tcp", HostPort: 8081, PodPort: 80, HostIP: node.IP},
	}))
	for _, port := range []string{"8080", "8081"} {
		require.Equal(t, "pod", ask(t, f.NS(), nodeIP+":"+port), "from another machine to %s", port)
		require.Equal(t, "pod", ask(t, node.NS, nodeIP+":"+port), "from the node to %s", port)
	}
	require.Equal(t, "pod", ask(t, f.NS(), b.Gateway().String()+":8080"), "every address of the node")
	require.Contains(t, ask(t, f.NS(), b.Gateway().String()+":8081"), "refused", "only the address asked for")

	again, err := hostport.New(t.Context(), node.NS)
	require.NoError(t, err)
	require.Equal(t, "pod", ask(t, f.NS(), nodeIP+":8080"), "a restart keeps the ports")
	require.NoError(t, again.Remove(t.Context(), "sandbox"))
	require.NoError(t, again.Remove(t.Context(), "sandbox"))
	require.Contains(t, ask(t, f.NS(), nodeIP+":8080"), "refused")

	require.NoError(t, again.Close(t.Context()))
	require.NoError(t, b.Remove())
	require.NoError(t, b.Remove(), "what is gone may be removed")
	require.Contains(t, ask(t, node.NS, b.Gateway().String()+":8080"), "timeout", "the bridge had the address")
}

func serve(t *testing.T, ns string, addr netip.AddrPort) {
	l, err := netns.Listen(ns, "tcp", addr.String())
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, "pod")
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
}

func ask(t *testing.T, ns, addr string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, err := netns.Dialer(ns)(ctx, "tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(text)
}

func ExampleMapping() {
	m := hostport.Mapping{Protocol: "tcp", HostPort: 8080, PodPort: 80}
	fmt.Printf("%s %d leads to port %d of the pod\n", m.Protocol, m.HostPort, m.PodPort)
	// Output: tcp 8080 leads to port 80 of the pod
}
