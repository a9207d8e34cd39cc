//go:build linux

package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// A Layout is where a machine has its control groups.
type Layout struct {
	// V2 says that the controllers are in the one hierarchy of version 2.
	V2 bool
	// roots are the mount points of all hierarchies; of V2 the only one.
	roots []string
	// controllers are the mount points of version 1 by controller.
	controllers map[string]string
}

// Detect reads the machine's layout from the mounts of this process.
func Detect() (Layout, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return Layout{}, err
	}
	defer f.Close() //nolint:errcheck // only read from
	return parse(f)
}

// parse reads /proc/pid/mountinfo (proc_pid_mountinfo(5)): the fifth field is the
// mount point; after a dash come the type, the source and the super options.
func parse(r io.Reader) (Layout, error) {
	l := Layout{controllers: map[string]string{}}
	unified := ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 3 || left[3] != "/" {
			continue
		}
		point := left[4]
		switch right[0] {
		case "cgroup2":
			if unified == "" {
				unified = point
			}
		case "cgroup":
			l.roots = append(l.roots, point)
			for option := range strings.SplitSeq(right[2], ",") {
				if l.controllers[option] == "" {
					l.controllers[option] = point
				}
			}
		}
	}
	if err := lines.Err(); err != nil {
		return Layout{}, err
	}
	l.V2 = len(l.roots) == 0
	if unified != "" {
		l.roots = append(l.roots, unified)
	}
	if len(l.roots) == 0 {
		return Layout{}, errors.New("no control groups are mounted: mount cgroup2 on /sys/fs/cgroup")
	}
	slices.Sort(l.roots)
	l.roots = slices.Compact(l.roots)
	return l, nil
}

// dir returns the directory of a group in the hierarchy of a controller.
func (l Layout) dir(controller, path string) string {
	if l.V2 {
		return filepath.Join(l.roots[0], path)
	}
	if root := l.controllers[controller]; root != "" {
		return filepath.Join(root, path)
	}
	return ""
}

// Exists reports whether the group exists in any hierarchy.
func (l Layout) Exists(path string) bool {
	for _, root := range l.roots {
		if _, err := os.Stat(filepath.Join(root, path)); err == nil {
			return true
		}
	}
	return false
}

// Create makes the group in every hierarchy.
func (l Layout) Create(path string) error {
	for _, root := range l.roots {
		if err := os.MkdirAll(filepath.Join(root, path), 0o755); err != nil {
			return fmt.Errorf("create cgroup: %w", err)
		}
	}
	return nil
}

// SetCPUShares sets the group's part of the processor among its siblings, in
// version 1's unit (1024 is the usual part).
func (l Layout) SetCPUShares(path string, shares int64) error {
	if !l.V2 {
		return os.WriteFile(filepath.Join(l.dir("cpu", path), "cpu.shares"), []byte(strconv.FormatInt(shares, 10)), 0)
	}
	// The mapping of KEP-2254: [2, 262144] to [1, 10000].
	shares = min(max(shares, 2), 262144)
	weight := 1 + ((shares-2)*9999)/262142
	err := os.WriteFile(filepath.Join(l.dir("cpu", path), "cpu.weight"), []byte(strconv.FormatInt(weight, 10)), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the controller is switched on below by whoever needs it
	}
	return err
}

// Add moves a process into the group, in every hierarchy.
func (l Layout) Add(path string, pid int) error {
	for _, root := range l.roots {
		dir := filepath.Join(root, path)
		if root == l.controllers["cpuset"] {
			continue // version 1 wants processors assigned first; nothing is gained here
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("add process %d to cgroup: %w", pid, err)
		}
	}
	return nil
}

// Kill kills every process in the group and the groups below it.
func (l Layout) Kill(path string) error {
	var err error
	for _, root := range l.roots {
		err = errors.Join(err, walk(filepath.Join(root, path), func(dir string) error {
			raw, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			if err != nil {
				return err
			}
			for field := range strings.FieldsSeq(string(raw)) {
				pid, err := strconv.Atoi(field)
				if err == nil && pid > 1 && pid != os.Getpid() {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			return nil
		}))
	}
	return err
}

// Remove removes the group and the groups below it. A group that still has
// processes gives an error.
func (l Layout) Remove(path string) error {
	if filepath.Clean("/"+path) == "/" {
		return errors.New("refusing to remove the root cgroup")
	}
	var err error
	for _, root := range l.roots {
		err = errors.Join(err, walk(filepath.Join(root, path), rmdir))
	}
	return err
}

// RemoveEmptyParents removes the groups above path, up to and with top, as far as
// they are empty.
func (l Layout) RemoveEmptyParents(path, top string) {
	path, top = filepath.Clean("/"+path), filepath.Clean("/"+top)
	for up := filepath.Dir(path); up != "/" && top != "/" && (up == top || strings.HasPrefix(up, top+"/")); up = filepath.Dir(up) {
		for _, root := range l.roots {
			_ = syscall.Rmdir(filepath.Join(root, up))
		}
	}
}

func rmdir(dir string) error {
	err := syscall.Rmdir(dir)
	if err == syscall.ENOENT || err == nil {
		return nil
	}
	return fmt.Errorf("remove cgroup %s: %w", dir, err)
}

// walk visits a group's directory and those below it, the lowest first. A group
// that is not there, or goes meanwhile, is no error.
func walk(dir string, visit func(string) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := walk(filepath.Join(dir, e.Name()), visit); err != nil {
				return err
			}
		}
	}
	if err := visit(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENODEV) {
		return err
	}
	return nil
}
