package volume

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// canMount says whether this process may mount and change owners.
func canMount() bool { return os.Geteuid() == 0 }

// mountTmpfs mounts a file system in memory; a size of zero is the kernel's
// default, half the memory.
func mountTmpfs(dir string, size int64) error {
	options := "mode=0777"
	if size > 0 {
		options += fmt.Sprintf(",size=%d", size)
	}
	return unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options)
}

// unmountBelow unmounts everything in a folder, the innermost first.
func unmountBelow(dir string) error {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil // without /proc there is nothing we mounted
	}
	defer file.Close()
	var points []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 4 {
			if point := unescape(fields[4]); strings.HasPrefix(point, dir+"/") {
				points = append(points, point)
			}
		}
	}
	var wrong []error
	for _, point := range slices.Backward(points) {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			wrong = append(wrong, fmt.Errorf("unmount %s: %w", point, err))
		}
	}
	return errors.Join(wrong...)
}

// unescape undoes the kernel's octal escapes in mount tables.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}
