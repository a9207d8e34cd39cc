package goroutine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

func attach(t *testing.T, n *goroutine.Network, ip string) *goroutine.Host {
	h := n.Attach(netip.MustParseAddr(ip))
	t.Cleanup(h.Close)
	return h
}

// connect returns both ends of a connection to a new server at 10.0.0.1:80.
func connect(t *testing.T, n *goroutine.Network) (server *goroutine.Host, near, far net.Conn) {
	server = attach(t, n, "10.0.0.1")
	listener, err := server.Listen("tcp", ":80")
	require.NoError(t, err)
	near, err = attach(t, n, "10.0.0.2").Dial(t.Context(), "tcp", "10.0.0.1:80")
	require.NoError(t, err)
	far, err = listener.Accept()
	require.NoError(t, err)
	return server, near, far
}

func TestConn_CarriesBytesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, near, far := connect(t, goroutine.NewNetwork())
		require.Equal(t, "10.0.0.1:80", near.RemoteAddr().String())
		require.Equal(t, near.LocalAddr().String(), far.RemoteAddr().String())

		_, err := near.Write([]byte("buffered: nobody reads yet"))
		require.NoError(t, err)
		big := bytes.Repeat([]byte("0123456789"), 100_000)
		go func() {
			_, _ = near.Write(big)
			_ = near.(interface{ CloseWrite() error }).CloseWrite()
		}()
		got, err := io.ReadAll(far)
		require.NoError(t, err)
		require.Equal(t, "buffered: nobody reads yet"+string(big), string(got))

		_, err = far.Write([]byte("the other half is open"))
		require.NoError(t, err)
		require.NoError(t, far.Close())
		got, err = io.ReadAll(near)
		require.NoError(t, err)
		require.Equal(t, "the other half is open", string(got))
	})
}

func TestConn_Deadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, near, far := connect(t, goroutine.NewNetwork())
		begin := time.Now()
		require.NoError(t, near.SetReadDeadline(begin.Add(time.Minute)))
		_, err := near.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var timeout net.Error
		require.True(t, errors.As(err, &timeout) && timeout.Timeout())
		require.Equal(t, time.Minute, time.Since(begin))

		require.NoError(t, near.SetReadDeadline(time.Time{}))
		_, _ = far.Write([]byte("x"))
		_, err = near.Read(make([]byte, 1))
		require.NoError(t, err, "a deadline can be taken back")

		require.NoError(t, near.SetWriteDeadline(time.Now().Add(time.Second)))
		_, err = near.Write(make([]byte, 1<<20))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, "nobody reads")
	})
}

func TestConn_Ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, near, far := connect(t, goroutine.NewNetwork())
		_, err := far.Write([]byte("last words"))
		require.NoError(t, err)
		server.Close()
		got, err := io.ReadAll(near)
		require.NoError(t, err)
		require.Equal(t, "last words", string(got), "a process that exits sends what it wrote")
		_, err = far.Read(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = near.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)

		server, near, _ = connect(t, goroutine.NewNetwork())
		server.Reset()
		_, err = near.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET, "a host that dies")
	})
}

func TestNetwork_Ports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := goroutine.NewNetwork()
		a, same := attach(t, n, "10.0.0.1"), attach(t, n, "10.0.0.1")
		dial := func(h *goroutine.Host, addr string) error {
			_, err := h.Dial(t.Context(), "tcp", addr)
			return err
		}
		_, err := n.Dial(t.Context(), "tcp", "10.0.0.1:80")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		_, err = n.Dial(t.Context(), "tcp", "10.0.0.9:80")
		require.ErrorIs(t, err, syscall.EHOSTUNREACH)

		l, err := a.Listen("tcp", "127.0.0.1:80")
		require.NoError(t, err)
		require.NoError(t, dial(same, "localhost:80"), "a pod's containers share the loopback address")
		_, err = n.Dial(t.Context(), "tcp", "10.0.0.1:80")
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "others do not reach it")
		require.ErrorIs(t, dial(attach(t, n, "10.0.0.2"), "127.0.0.1:80"), syscall.ECONNREFUSED)
		_, err = same.Listen("tcp", ":80")
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.NoError(t, l.Close())
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		l, err = same.Listen("tcp", ":80")
		require.NoError(t, err, "a closed listener frees its port")
		defer l.Close()

		_, err = a.Listen("tcp", "10.0.0.7:80")
		require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
		_, err = a.Listen("udp", ":53")
		require.ErrorContains(t, err, "carries tcp only")
		free, err := a.Listen("tcp", ":0")
		require.NoError(t, err)
		require.NoError(t, dial(same, free.Addr().String()))
	})
}

func TestNetwork_FullBacklogWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := goroutine.NewNetwork()
		l, err := attach(t, n, "10.0.0.1").Listen("tcp", ":80")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		count := 0
		for ; err == nil; count++ {
			_, err = n.Dial(ctx, "tcp", "10.0.0.1:80")
		}
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Greater(t, count, 100)
		require.NoError(t, l.Close())
	})
}

func TestNetwork_Hooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := goroutine.NewNetwork()
		l, err := attach(t, n, "10.0.0.1").Listen("tcp", ":8080")
		require.NoError(t, err)
		var asked []string
		n.SetResolver(func(_ context.Context, pod, host string) ([]string, error) {
			asked = append(asked, pod+"?"+host)
			if host == "web.default.svc.cluster.local" {
				return []string{"10.96.0.5"}, nil
			}
			return nil, errors.New("no such name")
		})
		n.SetTranslator(func(ctx context.Context, network, addr string) (string, error) {
			switch from, ok := goroutine.Source(ctx); {
			case addr == "10.96.0.5:80" && ok && from.String() == "10.0.1.2":
				return "10.0.0.1:8080", nil
			case addr == "10.96.0.5:81":
				return "", fmt.Errorf("no endpoints: %w", syscall.ECONNREFUSED)
			}
			return addr, nil
		})
		config := oneProgram(func(ctx context.Context, p *goroutine.Process) int {
			_, err := p.Dial(ctx, "tcp", "web:80")
			p.Logf("web: %v", err)
			_, err = p.Dial(ctx, "tcp", "web:81")
			p.Logf("no endpoints: %v", errors.Is(err, syscall.ECONNREFUSED))
			_, err = p.Dial(ctx, "tcp", "a.b.c:80")
			var dns *net.DNSError
			p.Logf("a.b.c: %v", errors.As(err, &dns) && dns.IsNotFound)
			_, err = p.Dial(ctx, "tcp", "alias:8080")
			p.Logf("alias: %v", err)
			_, err = p.Dial(ctx, "tcp", p.Hostname+":1")
			p.Logf("itself: %v", errors.Is(err, syscall.ECONNREFUSED))
			return 0
		})
		config.Network = n
		node := newNode(t, config)
		hosts := filepath.Join(t.TempDir(), "hosts")
		require.NoError(t, os.WriteFile(hosts, []byte("# managed\n127.0.0.1 localhost\n10.0.0.1 other alias # x\n"), 0o600))
		node.run("pod", func(p *cri.PodSandboxConfig, c *cri.ContainerConfig) {
			p.DnsConfig = &cri.DNSConfig{Searches: []string{"default.svc.cluster.local", "svc.cluster.local"}, Options: []string{"ndots:2"}}
			c.Mounts = []*cri.Mount{{ContainerPath: "/etc/hosts", HostPath: hosts}}
		})
		synctest.Wait()
		require.Equal(t, "stdout F web: <nil>\nstdout F no endpoints: true\nstdout F a.b.c: true\nstdout F alias: <nil>\nstdout F itself: true\n", node.log("pod"))
		require.Equal(t, []string{
			"default/pod?web.default.svc.cluster.local",
			"default/pod?web.default.svc.cluster.local",
			"default/pod?a.b.c",
			"default/pod?a.b.c.default.svc.cluster.local",
			"default/pod?a.b.c.svc.cluster.local",
		}, asked)
		require.NoError(t, l.Close())
	})
}

// Two nodes, a server on one and its client on the other; then the server's
// node dies.
func TestNetwork_BetweenNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := goroutine.NewNetwork()
		hello := goroutine.Serve(":8080", func(p *goroutine.Process) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "hello from %s", p.Pod) })
		})
		a := newNode(t, goroutine.Config{
			Network: network, PodCIDR: podCIDR, NodeIP: netip.MustParseAddr("192.168.0.1"),
			Images: goroutine.Programs(map[string]goroutine.Program{"main": hello}),
		})
		sandbox, _ := a.run("server", func(p *cri.PodSandboxConfig, _ *cri.ContainerConfig) {
			p.PortMappings = []*cri.PortMapping{{HostPort: 80, ContainerPort: 8080}}
		})
		synctest.Wait()
		server := a.ip(sandbox)

		config := oneProgram(func(ctx context.Context, p *goroutine.Process) int {
			for {
				resp, err := p.HTTP.Get("http://" + server + ":8080/")
				if err != nil {
					p.Logf("%v", errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH))
					return 0
				}
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				p.Logf("%s", body)
				time.Sleep(time.Minute)
			}
		})
		config.Network, config.PodCIDR = network, netip.MustParsePrefix("10.0.2.0/24")
		b := newNode(t, config)
		_, client := b.run("client")
		time.Sleep(90 * time.Second)

		conn, err := network.Dial(t.Context(), "tcp", "192.168.0.1:80")
		require.NoError(t, err, "by its host port")
		require.NoError(t, a.Close())
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		_, err = network.Dial(t.Context(), "tcp", "192.168.0.1:80")
		require.Error(t, err, "the host port went with the pod")
		time.Sleep(time.Minute)
		require.Equal(t, cri.ContainerState_CONTAINER_EXITED, b.status(client).State)
		require.Equal(t, strings.Repeat("stdout F hello from default/server\n", 2)+"stdout F true\n", b.log("client"))
	})
}

// A terminal merges both outputs and tells its size.
func TestExec_Terminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, oneProgram(func(ctx context.Context, p *goroutine.Process) int {
			p.HandleExec("size", func(_ context.Context, p *goroutine.Process) int {
				size := <-p.Resize
				fmt.Fprintf(p.Stderr, "%v %dx%d\n", p.TTY, size.Width, size.Height)
				return 3
			})
			return goroutine.Pause(ctx, p)
		}))
		_, id := n.run("pod")
		synctest.Wait()
		sizes := make(chan runtime.TerminalSize, 1)
		sizes <- runtime.TerminalSize{Width: 80, Height: 24}
		var out bytes.Buffer
		err := n.StreamExec(t.Context(), id, []string{"size"}, true, runtime.Streams{Stdout: &out, Resize: sizes})
		exit, ok := errors.AsType[*runtime.ExitError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, 3, exit.Code)
		require.Equal(t, "true 80x24\n", out.String())
	})
}
