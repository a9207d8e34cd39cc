//go:build linux

package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// ErrInvalid is returned for a request that contradicts itself or the image.
var ErrInvalid = errors.New("invalid")

// ErrUnsupported is returned for what this runtime, its runc or its host cannot do.
var ErrUnsupported = errors.New("not supported")

// An Input is all that a container's specification is made of.
type Input struct {
	Container *cri.ContainerConfig
	Sandbox   *cri.PodSandboxConfig
	Image     v1.Config
	// User is whom the process runs as, see [ResolveUser].
	User User
	// Rootfs is the directory of the root filesystem.
	Rootfs string
	// CgroupPath is the container's cgroup, absolute.
	CgroupPath string
	// Namespaces are those of the pod; the container's own are added.
	Namespaces []specs.LinuxNamespace
	// Hostname, ResolvConf and Shm are the pod's files, mounted unless the request
	// mounts something else there. Empty means none.
	Hostname, ResolvConf, Shm string
	// ImageMounts are the directories of mounted images, by the mount's index.
	ImageMounts map[int]string
	// PidsLimit bounds processes and threads; zero means no limit.
	PidsLimit int64
	// Host says what the machine and its runc can do.
	Host Host
}

// A Host says what a machine can do.
type Host struct {
	CgroupV2, Seccomp, AppArmor, SELinux bool
}

// Spec returns the specification of a container.
func Spec(in Input) (*specs.Spec, error) {
	security := in.Container.GetLinux().GetSecurityContext()
	process, err := in.process()
	if err != nil {
		return nil, err
	}
	mounts, propagation, err := in.mounts()
	if err != nil {
		return nil, err
	}
	resources, err := in.resources()
	if err != nil {
		return nil, err
	}
	devices, rules, err := in.devices()
	if err != nil {
		return nil, err
	}
	resources.Devices = rules
	seccomp, err := in.seccomp()
	if err != nil {
		return nil, err
	}
	s := &specs.Spec{
		Version: specs.Version,
		Process: process,
		Root:    &specs.Root{Path: in.Rootfs, Readonly: security.GetReadonlyRootfs()},
		Mounts:  mounts,
		Linux: &specs.Linux{
			Namespaces: in.namespaces(), CgroupsPath: in.CgroupPath, Resources: resources,
			Devices: devices, Seccomp: seccomp, RootfsPropagation: propagation,
		},
	}
	if !security.GetPrivileged() {
		s.Linux.MaskedPaths = orDefault(security.GetMaskedPaths(), maskedPaths)
		s.Linux.ReadonlyPaths = orDefault(security.GetReadonlyPaths(), readonlyPaths)
	}
	return s, in.refuse(s)
}

// namespaces adds to the pod's namespaces those which a container always has for
// itself.
func (in Input) namespaces() []specs.LinuxNamespace {
	ns := append([]specs.LinuxNamespace{{Type: specs.MountNamespace}}, in.Namespaces...)
	// With version 1 the container sees its groups through a mount; only version 2
	// needs (and has) a view of its own.
	if in.Host.CgroupV2 && !in.Container.GetLinux().GetSecurityContext().GetPrivileged() {
		ns = append(ns, specs.LinuxNamespace{Type: specs.CgroupNamespace})
	}
	return ns
}

// Write writes the specification into a bundle directory.
func Write(dir string, s *specs.Spec) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write config.json: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o600)
}

// Read reads the specification of a bundle directory.
func Read(dir string) (*specs.Spec, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	s := new(specs.Spec)
	return s, json.Unmarshal(raw, s)
}

func orDefault(asked, otherwise []string) []string {
	if len(asked) == 0 {
		return otherwise
	}
	return asked
}

// Parts of /proc and /sys that tell about or act on the whole machine. The lists
// are those that Kubernetes asks of every runtime (ProcMountType Default).
var (
	maskedPaths = []string{
		"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
		"/sys/firmware", "/sys/devices/virtual/powercap",
	}
	readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)
