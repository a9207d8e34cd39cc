//go:build linux

package bundle

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// defaultCapabilities are what a container may do without asking: the list that
// docker began with and the others follow.
var defaultCapabilities = []string{
	"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
	"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// knownCapabilities are all, in the kernel's order (capability.h).
var knownCapabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
	"CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
	"CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

// capabilities are the defaults with the request's changes: first ALL, in either
// direction, then the single names.
func (in Input) capabilities() (*specs.LinuxCapabilities, error) {
	security := in.Container.GetLinux().GetSecurityContext()
	asked := security.GetCapabilities()
	all, err := ownCapabilities()
	if err != nil {
		return nil, err
	}
	if security.GetPrivileged() {
		return &specs.LinuxCapabilities{Bounding: all, Effective: all, Permitted: all}, nil
	}
	add, addAll, err := capabilityNames(asked.GetAddCapabilities())
	if err != nil {
		return nil, err
	}
	drop, dropAll, err := capabilityNames(asked.GetDropCapabilities())
	if err != nil {
		return nil, err
	}
	ambient, _, err := capabilityNames(asked.GetAddAmbientCapabilities())
	if err != nil {
		return nil, err
	}
	set := slices.Clone(defaultCapabilities)
	if addAll {
		set = slices.Clone(all)
	}
	if dropAll {
		set = []string{}
	}
	set = append(append(set, add...), ambient...)
	set = slices.DeleteFunc(set, func(c string) bool { return slices.Contains(drop, c) })
	slices.Sort(set)
	set = slices.Compact(set)
	// runc wants ambient capabilities to be inheritable too (capabilities(7)).
	return &specs.LinuxCapabilities{Bounding: set, Effective: set, Permitted: set, Inheritable: ambient, Ambient: ambient}, nil
}

func capabilityNames(in []string) (names []string, all bool, err error) {
	for _, name := range in {
		name = strings.ToUpper(name)
		if name == "ALL" || name == "CAP_ALL" {
			all = true
			continue
		}
		if !strings.HasPrefix(name, "CAP_") {
			name = "CAP_" + name
		}
		if !slices.Contains(knownCapabilities, name) {
			return nil, false, fmt.Errorf("%w: unknown capability %q", ErrInvalid, name)
		}
		names = append(names, name)
	}
	return names, all, nil
}

// ownCapabilities are those that this process could pass on: its bounding set
// (capabilities(7)). A machine that is a guest itself may lack some.
func ownCapabilities() ([]string, error) {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(raw)) {
		hex, ok := strings.CutPrefix(line, "CapBnd:")
		if !ok {
			continue
		}
		bits, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
		if err != nil {
			return nil, fmt.Errorf("/proc/self/status: %w", err)
		}
		var own []string
		for i, name := range knownCapabilities {
			if bits&(1<<i) != 0 {
				own = append(own, name)
			}
		}
		return own, nil
	}
	return nil, fmt.Errorf("/proc/self/status: no CapBnd")
}
