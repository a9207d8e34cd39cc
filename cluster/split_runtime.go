package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/coracle-k8s/coracle/runtime"
	"github.com/coracle-k8s/coracle/runtime/criserver"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// A nodeRuntime is a container runtime with what the kubelet has to know of it.
type nodeRuntime struct {
	runtime.Runtime
	cgroup string // see kubelet.Config.CgroupRoot
	plain  bool   // see kubelet.Config.PlainVolumes
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	// close ends the use of the runtime, and removes what is not to be kept.
	close func(ctx context.Context) error
}

// dialTimeout is how long a CRI server may take to answer at the start.
const dialTimeout = 10 * time.Second

// open opens the node's runtime.
func (n *NodeProcess) open(ctx context.Context) (*nodeRuntime, error) {
	switch {
	case strings.Contains(n.Runtime, "://"):
		return n.openCRI(ctx)
	case !n.PodCIDR.IsValid():
		return nil, errors.New("the range of the pods' addresses is missing: say --pod-cidr, such as 10.244.1.0/24, another for each node")
	case n.Runtime == RuntimeGoroutine:
		return n.openGoroutine()
	case n.Runtime == RuntimeRunc:
		return n.openRunc(ctx)
	}
	return nil, fmt.Errorf("unknown: want %s, %s or the address of a CRI server such as unix:///run/containerd/containerd.sock",
		RuntimeRunc, RuntimeGoroutine)
}

// openCRI connects to somebody else's runtime. Its containers are its own: they
// stay when the kubelet ends.
func (n *NodeProcess) openCRI(ctx context.Context) (*nodeRuntime, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	rt, err := criserver.Dial(ctx, n.Runtime)
	if err != nil {
		return nil, err
	}
	return &nodeRuntime{Runtime: rt, close: func(context.Context) error { return rt.Close() }}, nil
}

// openGoroutine makes a runtime whose pods are of this process, on a network that
// only they are on: exec, logs and port-forward work, Services do not.
func (n *NodeProcess) openGoroutine() (*nodeRuntime, error) {
	network := goroutine.NewNetwork()
	rt := goroutine.New(goroutine.Config{
		Fallback: goroutine.Pause, Network: network, PodCIDR: n.PodCIDR, NodeIP: n.IP,
		RootDir: filepath.Join(n.Machine.Dir, "goroutine"), Logger: n.Machine.Logger,
	})
	return &nodeRuntime{
		Runtime: rt, plain: true, dial: network.Dial,
		close: func(context.Context) error { return rt.Close() },
	}, nil
}
