package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/coracle-k8s/coracle/network/bridge"
	"github.com/coracle-k8s/coracle/network/hostport"
	"github.com/coracle-k8s/coracle/runtime/runc"
)

// podNetwork is a bridge and host ports as the runtime wants a network.
type podNetwork struct {
	bridge *bridge.Bridge
	ports  *hostport.Ports
}

var _ runc.Network = (*podNetwork)(nil)

// Setup implements runc.Network.
func (n *podNetwork) Setup(ctx context.Context, netnsPath, _, _, sandboxID string, ports ...runc.PortMapping) ([]string, error) {
	ip, err := n.bridge.Setup(ctx, netnsPath, sandboxID)
	if err != nil {
		return nil, err
	}
	var mappings []hostport.Mapping
	for _, p := range ports {
		if p.HostPort == 0 {
			continue
		}
		m := hostport.Mapping{
			Protocol: strings.ToLower(p.Protocol.String()),
			HostPort: uint16(p.HostPort), PodPort: uint16(p.ContainerPort),
		}
		if p.HostIP != "" {
			if m.HostIP, err = netip.ParseAddr(p.HostIP); err != nil {
				return nil, fmt.Errorf("host port %d: %w", p.HostPort, err)
			}
		}
		mappings = append(mappings, m)
	}
	if err := n.ports.Add(ctx, sandboxID, ip, mappings); err != nil {
		return nil, err
	}
	return []string{ip.String()}, nil
}

// Teardown implements runc.Network.
func (n *podNetwork) Teardown(ctx context.Context, _, sandboxID string) error {
	return errors.Join(n.ports.Remove(ctx, sandboxID), n.bridge.Teardown(ctx, sandboxID))
}

// totalMemory is the machine's memory in bytes.
func totalMemory() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 1 << 30
	}
	return int64(info.Totalram) * int64(info.Unit)
}

// unmountBelow unmounts everything that is mounted below dir, deepest first.
func unmountBelow(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var points []string
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			points = append(points, fields[4])
		}
	}
	slices.SortFunc(points, func(a, b string) int { return len(b) - len(a) })
	var errs []error
	for _, point := range points {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			errs = append(errs, fmt.Errorf("unmount %s: %w", point, err))
		}
	}
	return errors.Join(errs...)
}

// removeCgroups removes a cgroup with all below it, in whatever hierarchies it
// is. Nothing runs in them any more.
func removeCgroups(name string) error {
	var errs []error
	for _, pattern := range []string{"/sys/fs/cgroup" + name, "/sys/fs/cgroup/*" + name} {
		roots, err := filepath.Glob(pattern)
		errs = append(errs, err)
		for _, root := range roots {
			errs = append(errs, removeCgroup(root))
		}
	}
	return errors.Join(errs...)
}

func removeCgroup(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeCgroup(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove cgroup %s: %w", dir, err)
	}
	return nil
}
