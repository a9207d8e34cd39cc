//go:build linux

package bundle

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// seccomp returns the filter of system calls. Without a wish there is none, which
// is what Kubernetes means by no profile; a wish that cannot be met is refused.
func (in Input) seccomp() (*specs.LinuxSeccomp, error) {
	security := in.Container.GetLinux().GetSecurityContext()
	profile := security.GetSeccomp()
	if profile == nil || security.GetPrivileged() || profile.GetProfileType() == cri.SecurityProfile_Unconfined {
		return nil, nil
	}
	if !in.Host.Seccomp {
		return nil, fmt.Errorf("%w: seccomp profile %v: runc was built without seccomp; put one built with it on PATH",
			ErrUnsupported, profile.GetProfileType())
	}
	if profile.GetProfileType() == cri.SecurityProfile_RuntimeDefault {
		return in.defaultSeccomp()
	}
	path := profile.GetLocalhostRef()
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("%w: seccomp profile %q is not an absolute path", ErrInvalid, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: seccomp profile: %w", ErrInvalid, err)
	}
	filter := new(specs.LinuxSeccomp)
	if err := json.Unmarshal(raw, filter); err != nil {
		return nil, fmt.Errorf("%w: seccomp profile %s: %w", ErrInvalid, path, err)
	}
	return filter, nil
}

// The system calls with which a process reaches for the whole machine rather than
// for its own part of it. docker's and containerd's profiles list all that is
// allowed; these lists of what is not are short enough to read.
var (
	machineCalls = []string{
		"acct", "add_key", "bpf", "clock_adjtime", "clock_settime", "delete_module", "finit_module", "init_module",
		"ioperm", "iopl", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "nfsservctl",
		"open_by_handle_at", "perf_event_open", "quotactl", "quotactl_fd", "reboot", "request_key", "settimeofday",
		"swapoff", "swapon", "userfaultfd", "vhangup",
	}
	// namespaceCalls are what CAP_SYS_ADMIN is asked for.
	namespaceCalls = []string{
		"fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree", "pivot_root",
		"setns", "umount", "umount2", "unshare",
	}
)

func (in Input) defaultSeccomp() (*specs.LinuxSeccomp, error) {
	caps, err := in.capabilities()
	if err != nil {
		return nil, err
	}
	refused := slices.Clone(machineCalls)
	if !slices.Contains(caps.Bounding, "CAP_SYS_ADMIN") {
		refused = append(refused, namespaceCalls...)
	}
	eperm := uint(1)
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls:      []specs.LinuxSyscall{{Names: refused, Action: specs.ActErrno, ErrnoRet: &eperm}},
	}, nil
}

// refuse checks the wishes that concern the machine's other guards and fills in
// what they need.
func (in Input) refuse(s *specs.Spec) error {
	if len(in.Container.GetCDIDevices()) > 0 {
		return fmt.Errorf("%w: CDI devices", ErrUnsupported)
	}
	security := in.Container.GetLinux().GetSecurityContext()
	if userns := security.GetNamespaceOptions().GetUsernsOptions(); userns != nil && userns.GetMode() == cri.NamespaceMode_POD {
		return fmt.Errorf("%w: user namespaces", ErrUnsupported)
	}
	if security.GetPrivileged() {
		return nil
	}
	if label := security.GetSelinuxOptions(); in.Host.SELinux && label.GetType() != "" {
		s.Process.SelinuxLabel = fmt.Sprintf("%s:%s:%s:%s", label.GetUser(), label.GetRole(), label.GetType(), label.GetLevel())
	}
	switch profile := security.GetApparmor(); profile.GetProfileType() {
	case cri.SecurityProfile_Localhost:
		if !in.Host.AppArmor {
			return fmt.Errorf("%w: AppArmor profile %q: this machine's kernel has no AppArmor", ErrUnsupported, profile.GetLocalhostRef())
		}
		s.Process.ApparmorProfile = profile.GetLocalhostRef()
	case cri.SecurityProfile_RuntimeDefault:
		if profile != nil && in.Host.AppArmor {
			return fmt.Errorf("%w: this runtime brings no AppArmor profile of its own", ErrUnsupported)
		}
	}
	return nil
}
