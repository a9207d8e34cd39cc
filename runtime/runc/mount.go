//go:build linux

package runc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountOverlay stacks layers (lowest first) at target, with a writable directory
// upper on top; without upper the mount is read-only. Device nodes in the layers
// do not work.
//
// mount(2) takes one page of options, so the layers are named relative to the
// directory they share, on a thread that has its own current directory.
func mountOverlay(layers []string, upper, work, target string) error {
	if len(layers) == 0 {
		return errors.New("an image without layers")
	}
	base := filepath.Dir(layers[0])
	lower := make([]string, len(layers))
	for i, l := range layers {
		if filepath.Dir(l) != base {
			return fmt.Errorf("layer %s is not in %s", l, base)
		}
		lower[len(layers)-1-i] = filepath.Base(l) // overlayfs wants the highest first
	}
	options := "lowerdir=" + strings.Join(lower, ":")
	flags := uintptr(unix.MS_NODEV)
	switch {
	case upper != "":
		options += ",upperdir=" + upper + ",workdir=" + work
	case len(lower) == 1:
		// overlayfs wants two directories to join.
		return bindReadOnly(layers[0], target)
	default:
		flags |= unix.MS_RDONLY
	}
	if len(options) >= os.Getpagesize()-len(",volatile") {
		return fmt.Errorf("too many layers (%d) for one mount", len(layers))
	}
	return onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		if err := unix.Chdir(base); err != nil {
			return err
		}
		// With "volatile" an unmount does not wait for the disk: what a container
		// wrote outside its volumes need not survive a crash of the machine. Kernels
		// before 5.10 do not know it.
		err := unix.EINVAL
		if upper != "" {
			err, _ = unix.Mount("overlay", target, "overlay", flags, options+",volatile").(unix.Errno)
		}
		if err == unix.EINVAL {
			if err := unix.Mount("overlay", target, "overlay", flags, options); err != nil {
				return fmt.Errorf("mount overlay at %s (a filesystem that overlayfs cannot write on, such as overlayfs itself, will not do): %w", target, err)
			}
			return nil
		}
		if err != 0 {
			return fmt.Errorf("mount overlay at %s: %w", target, err)
		}
		return nil
	})
}

func bindReadOnly(from, to string) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", to, err)
	}
	return unix.Mount("", to, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NODEV, "")
}

// unmountBelow unmounts all that is mounted at or below dir, the last mount first.
func unmountBelow(dir string) error {
	points, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	slices.Reverse(points)
	for _, p := range points {
		if err := unix.Unmount(p, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && err != unix.EINVAL && err != unix.ENOENT {
			return fmt.Errorf("unmount %s: %w", p, err)
		}
	}
	return nil
}

func mountsBelow(dir string) ([]string, error) {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var points []string
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		if p := unescape(fields[4]); p == dir || strings.HasPrefix(p, dir+"/") {
			points = append(points, p)
		}
	}
	return points, nil
}

// unescape undoes the octal escapes of mountinfo (proc_pid_mountinfo(5)).
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
