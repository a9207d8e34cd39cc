package clustertest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"

	"github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/pki"
)

// execProtocol is the protocol of exec over WebSocket: the first byte of each
// message is the channel it belongs to.
// See https://kubernetes.io/docs/reference/using-api/client-libraries and KEP-4006.
const execProtocol = "v5.channel.k8s.io"

// The channels of execProtocol that this side reads.
const (
	channelStdout = 1
	channelStderr = 2
	channelStatus = 3
)

// Exec runs a command in a container, as kubectl exec does, and returns its
// output. The container may be "" in a pod that has one. A command that fails is
// an error, together with what it wrote. What commands a container has is said by
// its program: see goroutine.Process.HandleExec. Exec fails no test.
func (c *Cluster) Exec(ctx context.Context, namespace, pod, container string, command ...string) (stdout, stderr string, err error) {
	query := url.Values{"stdout": {"true"}, "stderr": {"true"}, "command": command}
	if container != "" {
		query.Set("container", container)
	}
	conn, wait, err := c.upgrade(ctx, podPath(namespace, pod)+"/exec?"+query.Encode())
	if err != nil {
		return "", "", fmt.Errorf("exec in pod %s/%s: %w", namespace, pod, err)
	}
	defer wait()
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	var outputs [3]bytes.Buffer
	for {
		_, message, err := conn.ReadMessage()
		switch {
		case ctx.Err() != nil:
			err = ctx.Err()
		case err == nil && len(message) > 0 && message[0] == channelStatus:
			err = exitStatus(message[1:])
			return outputs[channelStdout].String(), outputs[channelStderr].String(), err
		case err == nil && len(message) > 0 && int(message[0]) < len(outputs):
			outputs[message[0]].Write(message[1:])
			continue
		case err == nil:
			continue
		}
		return outputs[channelStdout].String(), outputs[channelStderr].String(), err
	}
}

// exitStatus makes an error of the Status that ends an exec; nil for success.
func exitStatus(data []byte) error {
	var status metav1.Status
	if err := json.Unmarshal(data, &status); err != nil {
		return fmt.Errorf("read exit status: %w", err)
	}
	if status.Status == metav1.StatusSuccess {
		return nil
	}
	return errors.New(status.Message)
}

// upgrade opens a WebSocket to the API server. The WebSocket library wants a
// connection, so it gets a pipe, and forward passes on what it says there. wait
// returns when nothing of that is left, after the connection was closed.
func (c *Cluster) upgrade(ctx context.Context, path string) (conn *websocket.Conn, wait func(), err error) {
	near, far := net.Pipe()
	var forwarding sync.WaitGroup
	forwarding.Go(func() { forward(ctx, c.cluster.Transport(pki.UserAdmin, pki.GroupMasters), far) })
	dialer := websocket.Dialer{
		Subprotocols:   []string{execProtocol},
		NetDialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil },
	}
	conn, resp, err := dialer.DialContext(ctx, "ws://coracle"+path, nil)
	if err != nil {
		if resp != nil {
			text, _ := io.ReadAll(resp.Body)
			err = fmt.Errorf("%s: %s", resp.Status, text)
		}
		near.Close()
		forwarding.Wait()
		return nil, nil, err
	}
	return conn, forwarding.Wait, nil
}

// forward sends the one request that arrives on a connection through a transport
// and, once the server has switched protocols, copies both ways.
func forward(ctx context.Context, transport http.RoundTripper, conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	req.URL.Scheme, req.URL.Host, req.RequestURI = "http", req.Host, ""
	resp, err := transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		fmt.Fprintf(conn, "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n%v", err)
		return
	}
	defer resp.Body.Close()
	stream, ok := resp.Body.(io.ReadWriteCloser)
	if resp.StatusCode != http.StatusSwitchingProtocols || !ok {
		_ = resp.Write(conn)
		return
	}
	resp.Body = http.NoBody
	if resp.Write(conn) != nil {
		_ = stream.Close()
		return
	}
	var up sync.WaitGroup
	up.Go(func() {
		_, _ = io.Copy(stream, in)
		_ = stream.Close()
	})
	_, _ = io.Copy(conn, stream)
	_ = conn.Close()
	up.Wait()
}
