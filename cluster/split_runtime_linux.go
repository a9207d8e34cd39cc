package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/coracle-k8s/coracle/network/bridge"
	"github.com/coracle-k8s/coracle/network/hostport"
	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runc"
)

// openRunc makes the node's pod network, in the network namespace of this
// process, and a runtime on it.
func (n *NodeProcess) openRunc(ctx context.Context) (*nodeRuntime, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("needs root: run as root, or use --runtime goroutine")
	}
	path, err := n.runcPath()
	if err != nil {
		return nil, err
	}
	images, err := image.Open(n.Images, image.Options{Logger: n.Machine.Logger})
	if err != nil {
		return nil, err
	}
	pods, err := bridge.New(bridge.Config{PodCIDR: n.PodCIDR, Dir: filepath.Join(n.Machine.Dir, "ipam")})
	if err != nil {
		return nil, err
	}
	ports, err := hostport.New(ctx, "")
	if err != nil {
		return nil, errors.Join(err, pods.Remove())
	}
	config := runc.Config{
		Root: filepath.Join(n.Machine.Dir, "runc"), State: n.Machine.RunDir, RuncPath: path, Images: images,
		Network: &podNetwork{bridge: pods, ports: ports}, CgroupParent: n.Machine.cgroup(), Logger: n.Machine.Logger,
	}
	rt, err := runc.New(config)
	if err != nil {
		return nil, errors.Join(err, ports.Close(ctx), pods.Remove())
	}
	return &nodeRuntime{Runtime: rt, cgroup: n.Machine.cgroup(), close: func(ctx context.Context) error {
		err := rt.Close()
		if n.Machine.KeepPods {
			return err
		}
		err = errors.Join(err, runc.Purge(ctx, config), unmountBelow(n.Machine.Dir), ports.Close(ctx), pods.Remove(),
			removeCgroups(n.Machine.cgroup()), os.RemoveAll(n.Machine.RunDir), os.RemoveAll(filepath.Join(n.Machine.Dir, "ipam")))
		os.Remove(filepath.Dir(n.Machine.RunDir)) // Only if no other node is there.
		return err
	}}, nil
}

// runcPath is where runc is, good from any directory.
func (n *NodeProcess) runcPath() (string, error) {
	if n.Machine.RuncPath == "" {
		return runc.Find()
	}
	path, err := exec.LookPath(n.Machine.RuncPath)
	if err != nil {
		return "", fmt.Errorf("--runc: %w", err)
	}
	return filepath.Abs(path)
}
