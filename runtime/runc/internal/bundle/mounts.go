//go:build linux

package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// mounts are the kernel's filesystems, the pod's files and what was asked for, in
// an order in which none hides another; and how mounts spread to the container.
func (in Input) mounts() (mounts []specs.Mount, propagation string, err error) {
	privileged := in.Container.GetLinux().GetSecurityContext().GetPrivileged()
	propagation = "rprivate"
	var asked []specs.Mount
	for i, m := range in.Container.GetMounts() {
		mount, spread, err := in.mount(i, m)
		if err != nil {
			return nil, "", fmt.Errorf("mount %s: %w", m.GetContainerPath(), err)
		}
		asked = append(asked, mount)
		propagation = wider(propagation, spread)
	}
	taken := func(m specs.Mount) bool {
		return slices.ContainsFunc(asked, func(a specs.Mount) bool { return a.Destination == m.Destination })
	}
	all := append(systemMounts(privileged), in.podMounts()...)
	all = append(slices.DeleteFunc(all, taken), asked...)
	slices.SortStableFunc(all, func(a, b specs.Mount) int {
		return strings.Count(path.Clean(a.Destination), "/") - strings.Count(path.Clean(b.Destination), "/")
	})
	return all, propagation, nil
}

// systemMounts are the kernel's filesystems. The root directory itself has depth
// one like /proc; nobody mounts over it.
func systemMounts(privileged bool) []specs.Mount {
	access := "ro"
	if privileged {
		access = "rw"
	}
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", access}},
		{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", "relatime", access}},
	}
}

func (in Input) podMounts() []specs.Mount {
	var mounts []specs.Mount
	access := "rw"
	if in.Container.GetLinux().GetSecurityContext().GetReadonlyRootfs() {
		access = "ro"
	}
	if in.Shm != "" {
		mounts = append(mounts, bind(in.Shm, "/dev/shm", "rw", "nosuid", "nodev", "noexec"))
	}
	if in.Hostname != "" {
		mounts = append(mounts, bind(in.Hostname, "/etc/hostname", access))
	}
	if in.ResolvConf != "" {
		mounts = append(mounts, bind(in.ResolvConf, "/etc/resolv.conf", access))
	}
	return mounts
}

func bind(from, to string, options ...string) specs.Mount {
	return specs.Mount{Source: from, Destination: to, Type: "bind", Options: append([]string{"rbind", "rprivate"}, options...)}
}

// mount translates one requested mount.
func (in Input) mount(i int, m *cri.Mount) (specs.Mount, string, error) {
	to, err := containerPath(m.GetContainerPath())
	if err != nil {
		return specs.Mount{}, "", err
	}
	if len(m.GetUidMappings()) > 0 || len(m.GetGidMappings()) > 0 {
		return specs.Mount{}, "", fmt.Errorf("%w: mapped user ids", ErrUnsupported)
	}
	if m.GetImage().GetImage() != "" {
		from, ok := in.ImageMounts[i]
		if !ok || m.GetHostPath() != "" {
			return specs.Mount{}, "", fmt.Errorf("%w: an image mount with a host path, or without its image", ErrInvalid)
		}
		return bind(from, to, append([]string{"ro"}, m.GetMountOptions()...)...), "rprivate", nil
	}
	from, err := hostPath(m.GetHostPath())
	if err != nil {
		return specs.Mount{}, "", err
	}
	spread, err := propagationOf(m, from)
	if err != nil {
		return specs.Mount{}, "", err
	}
	options := append([]string{"rbind", spread, access(m)}, m.GetMountOptions()...)
	return specs.Mount{Source: from, Destination: to, Type: "bind", Options: options}, spread, nil
}

// containerPath checks the place of a mount. runc keeps it below the root
// filesystem whatever links are there; a path that climbs is refused all the same.
func containerPath(p string) (string, error) {
	if p == "" || strings.ContainsRune(p, 0) || slices.Contains(strings.Split(p, "/"), "..") {
		return "", fmt.Errorf("%w: container path %q", ErrInvalid, p)
	}
	clean := path.Clean("/" + p)
	if clean == "/" {
		return "", fmt.Errorf("%w: a mount over the root directory", ErrInvalid)
	}
	return clean, nil
}

// hostPath returns the real place of a host path, which has to exist.
func hostPath(p string) (string, error) {
	if !filepath.IsAbs(p) || slices.Contains(strings.Split(p, "/"), "..") {
		return "", fmt.Errorf("%w: host path %q is not absolute, or climbs", ErrInvalid, p)
	}
	real, err := filepath.EvalSymlinks(p)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: host path %q does not exist", ErrInvalid, p)
	}
	return real, err
}

func access(m *cri.Mount) string {
	switch {
	case m.GetRecursiveReadOnly():
		return "rro"
	case m.GetReadonly():
		return "ro"
	}
	return "rw"
}

// propagationOf says how mounts made later spread, in mount(8)'s words. CRI's
// three ways need the host's mount to be a slave or shared.
func propagationOf(m *cri.Mount, from string) (string, error) {
	if m.GetRecursiveReadOnly() && (!m.GetReadonly() || m.GetPropagation() != cri.MountPropagation_PROPAGATION_PRIVATE) {
		return "", fmt.Errorf("%w: recursively read-only needs readonly and private propagation", ErrInvalid)
	}
	switch m.GetPropagation() {
	case cri.MountPropagation_PROPAGATION_PRIVATE:
		return "rprivate", nil
	case cri.MountPropagation_PROPAGATION_HOST_TO_CONTAINER:
		return "rslave", needShared(from, true)
	case cri.MountPropagation_PROPAGATION_BIDIRECTIONAL:
		return "rshared", needShared(from, false)
	}
	return "", fmt.Errorf("%w: propagation %v", ErrInvalid, m.GetPropagation())
}

// needShared checks that mounts below a path spread (mount_namespaces(7)).
func needShared(from string, slaveWillDo bool) error {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	point, tags := "", ""
	for line := range strings.Lines(string(raw)) {
		before, _, _ := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if len(fields) < 6 || !within(from, fields[4]) || len(fields[4]) < len(point) {
			continue
		}
		point, tags = fields[4], strings.Join(fields[6:], " ")
	}
	if strings.Contains(tags, "shared:") || (slaveWillDo && strings.Contains(tags, "master:")) {
		return nil
	}
	return fmt.Errorf("%w: %s is on %s, which is not a shared mount: run mount --make-rshared %s", ErrInvalid, from, point, point)
}

func within(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

func wider(a, b string) string {
	order := []string{"rprivate", "rslave", "rshared"}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}
