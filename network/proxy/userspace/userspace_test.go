package userspace_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/network/proxy"
	"github.com/coracle-k8s/coracle/network/proxy/userspace"
)

// pod answers each connection with its name and then what it was sent.
func pod(t testing.TB, name string) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			// It reads to the end before it answers, so an answer shows that
			// half of a connection can be closed.
			said, _ := io.ReadAll(conn)
			fmt.Fprintf(conn, "%s heard %s", name, said)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// service is a table of one Service port.
func service(nodePort uint16, endpoints ...netip.AddrPort) proxy.Table {
	return proxy.Table{Ports: []proxy.Port{{
		Service: "shop/web", Protocol: corev1.ProtocolTCP,
		IPs: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Number: 80, NodePort: nodePort,
		Endpoints: endpoints, External: endpoints,
	}}}
}

const webID = "shop/web:/tcp"

func start(t *testing.T, cfg userspace.Config) *userspace.Proxy {
	t.Helper()
	p := userspace.New(cfg)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// address waits until the port is open.
func address(t *testing.T, p *userspace.Proxy, id string) string {
	t.Helper()
	var addr netip.AddrPort
	require.Eventually(t, func() bool {
		addr = p.Addresses()[id]
		return addr.IsValid()
	}, 10*time.Second, time.Millisecond, "the port of %s opens", id)
	return addr.String()
}

// ask says hello and returns the answer.
func ask(address string) (string, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello"); err != nil {
		return "", err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

// freePort is a port that nobody had a moment ago.
func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

func TestProxy_spreads_a_node_port_over_the_pods(t *testing.T) {
	p := start(t, userspace.Config{})
	number := freePort(t)
	require.NoError(t, p.Sync(t.Context(), service(number, pod(t, "a"), pod(t, "b"))))
	at := address(t, p, webID)
	require.Equal(t, fmt.Sprintf("127.0.0.1:%d", number), at)
	answers := map[string]int{}
	for range 6 {
		answer, err := ask(at)
		require.NoError(t, err)
		answers[answer]++
	}
	require.Equal(t, map[string]int{"a heard hello": 3, "b heard hello": 3}, answers)
}

func TestProxy_follows_its_table(t *testing.T) {
	p := start(t, userspace.Config{Services: true})
	require.NoError(t, p.Sync(t.Context(), service(0, pod(t, "a"))))
	at := address(t, p, webID)

	require.NoError(t, p.Sync(t.Context(), service(0, pod(t, "b"))))
	require.Equal(t, at, address(t, p, webID), "the port stays while its pods change")
	answer, err := ask(at)
	require.NoError(t, err)
	require.Equal(t, "b heard hello", answer)

	require.NoError(t, p.Sync(t.Context(), proxy.Table{}))
	require.Empty(t, p.Addresses())
	require.Eventually(t, func() bool {
		_, err := ask(at)
		return err != nil
	}, 10*time.Second, time.Millisecond, "the port closes with its service")
}

func TestProxy_resets_connections_that_nobody_answers(t *testing.T) {
	p := start(t, userspace.Config{Services: true})
	gone := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), freePort(t))
	for name, table := range map[string]proxy.Table{"no pods": service(0), "a dead pod": service(0, gone)} {
		require.NoError(t, p.Sync(t.Context(), table))
		answer, err := ask(address(t, p, webID))
		require.Error(t, err, "%s answered %q", name, answer)
	}
}

func TestProxy_ends_open_connections(t *testing.T) {
	p := userspace.New(userspace.Config{Services: true})
	require.NoError(t, p.Sync(t.Context(), service(0, pod(t, "a"))))
	conn, err := net.Dial("tcp", address(t, p, webID))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "never finished")
	require.NoError(t, err)
	require.NoError(t, p.Close())
	_, err = io.ReadAll(conn)
	if err != nil {
		require.ErrorContains(t, err, "reset")
	}
	require.NoError(t, p.Sync(t.Context(), service(freePort(t), pod(t, "b"))))
	require.Empty(t, p.Addresses(), "a closed proxy opens nothing")
}

// lines is a log that tests read.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(bytes.Clone(b))
	return len(b), nil
}

func TestProxy_waits_for_a_port_in_use(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	log := make(lines, 10)
	p := start(t, userspace.Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
	number := taken.Addr().(*net.TCPAddr).AddrPort().Port()
	require.NoError(t, p.Sync(t.Context(), service(number, pod(t, "a"))))
	require.Contains(t, <-log, "in use")
	require.NoError(t, taken.Close())
	answer, err := ask(address(t, p, webID))
	require.NoError(t, err)
	require.Equal(t, "a heard hello", answer)
}

func TestProxy_refuses_other_protocols_once(t *testing.T) {
	log := make(lines, 10)
	p := start(t, userspace.Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
	table := service(30053)
	table.Ports[0].Protocol = corev1.ProtocolUDP
	for range 3 {
		require.NoError(t, p.Sync(t.Context(), table))
	}
	require.Contains(t, <-log, `port=shop/web:/udp`)
	require.Empty(t, log)
	require.Empty(t, p.Addresses())
}

func ExampleProxy() {
	here, there := net.Pipe()
	p := userspace.New(userspace.Config{
		Services: true,
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			fmt.Println("to", address)
			return here, nil
		},
	})
	defer p.Close()
	table := service(0, netip.MustParseAddrPort("10.244.1.7:8080"))
	if err := p.Sync(context.Background(), table); err != nil {
		fmt.Println(err)
		return
	}
	for !p.Addresses()[webID].IsValid() {
		time.Sleep(time.Millisecond)
	}
	client, err := net.Dial("tcp", p.Addresses()[webID].String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Fprint(client, "hello")
	said := make([]byte, 5)
	io.ReadFull(there, said)
	fmt.Printf("the pod hears %q\n", said)
	there.Close()
	// Output:
	// to 10.244.1.7:8080
	// the pod hears "hello"
}
