//go:build linux

package bundle

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// devices are the device nodes beside those that runc always makes (null, zero,
// full, random, urandom, tty, ptmx), and the rules about which may be used.
func (in Input) devices() ([]specs.LinuxDevice, []specs.LinuxDeviceCgroup, error) {
	if in.Container.GetLinux().GetSecurityContext().GetPrivileged() {
		devices, err := hostDevices()
		return devices, []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}, err
	}
	rules := []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}
	var devices []specs.LinuxDevice
	for _, d := range in.Container.GetDevices() {
		device, rule, err := requested(d)
		if err != nil {
			return nil, nil, fmt.Errorf("device %s: %w", d.GetHostPath(), err)
		}
		devices, rules = append(devices, device), append(rules, rule)
	}
	return devices, rules, nil
}

func requested(d *cri.Device) (specs.LinuxDevice, specs.LinuxDeviceCgroup, error) {
	to, err := containerPath(d.GetContainerPath())
	if err != nil {
		return specs.LinuxDevice{}, specs.LinuxDeviceCgroup{}, err
	}
	from, err := hostPath(d.GetHostPath())
	if err != nil {
		return specs.LinuxDevice{}, specs.LinuxDeviceCgroup{}, err
	}
	device, err := deviceAt(from)
	if err != nil {
		return specs.LinuxDevice{}, specs.LinuxDeviceCgroup{}, err
	}
	access := d.GetPermissions()
	if strings.Trim(access, "rwm") != "" || access == "" {
		return specs.LinuxDevice{}, specs.LinuxDeviceCgroup{}, fmt.Errorf("%w: permissions %q", ErrInvalid, access)
	}
	device.Path = to
	rule := specs.LinuxDeviceCgroup{Allow: true, Type: device.Type, Major: &device.Major, Minor: &device.Minor, Access: access}
	return device, rule, nil
}

func deviceAt(path string) (specs.LinuxDevice, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return specs.LinuxDevice{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	kind := ""
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR:
		kind = "c"
	case unix.S_IFBLK:
		kind = "b"
	default:
		return specs.LinuxDevice{}, fmt.Errorf("%w: %s is no device", ErrInvalid, path)
	}
	mode := os.FileMode(st.Mode & 0o777)
	return specs.LinuxDevice{
		Path: path, Type: kind, FileMode: &mode, UID: &st.Uid, GID: &st.Gid,
		Major: int64(unix.Major(uint64(st.Rdev))), Minor: int64(unix.Minor(uint64(st.Rdev))),
	}, nil
}

// hostDevices are all devices in /dev but for terminals, which belong to sessions.
func hostDevices() ([]specs.LinuxDevice, error) {
	var devices []specs.LinuxDevice
	err := filepath.WalkDir("/dev", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch path {
		case "/dev/pts", "/dev/shm", "/dev/mqueue":
			if d.IsDir() {
				return fs.SkipDir
			}
		case "/dev/console", "/dev/ptmx", "/dev/tty":
			return nil
		}
		if d.Type()&fs.ModeDevice == 0 {
			return nil
		}
		device, err := deviceAt(path)
		devices = append(devices, device)
		return err
	})
	return devices, err
}
