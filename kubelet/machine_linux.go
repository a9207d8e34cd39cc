package kubelet

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// machineMemory returns the machine's memory in bytes.
func machineMemory() (int64, bool) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, false
	}
	return int64(uint64(info.Totalram) * uint64(info.Unit)), true
}

// diskSize returns the size in bytes of the file system that a folder is on, or
// will be on once it is made.
func diskSize(dir string) (int64, bool) {
	for ; ; dir = filepath.Dir(dir) {
		var stat unix.Statfs_t
		if err := unix.Statfs(dir, &stat); err == nil {
			return int64(stat.Blocks) * stat.Bsize, true
		} else if dir == filepath.Dir(dir) {
			return 0, false
		}
	}
}

// machine returns what the kernel and the distribution call themselves.
func machine() machineInfo {
	var name unix.Utsname
	info := machineInfo{OSImage: osImage()}
	if unix.Uname(&name) == nil {
		info.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	info.MachineID = firstLine("/etc/machine-id")
	info.BootID = firstLine("/proc/sys/kernel/random/boot_id")
	info.SystemUUID = firstLine("/sys/class/dmi/id/product_uuid")
	return info
}

func osImage() string {
	data, _ := os.ReadFile("/etc/os-release")
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(name, `"`)
		}
	}
	return "Linux"
}

// firstLine returns the first line of a file, empty where there is none.
func firstLine(file string) string {
	data, _ := os.ReadFile(file)
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line)
}

// lowestOOMScore is the lowest oom_score_adj that this process may give to
// others. Lowering it takes CAP_SYS_RESOURCE, which root in a container often
// lacks; whether it is there shows only in trying. See proc_pid_oom_score_adj(5).
func lowestOOMScore() int64 {
	const file, lowest = "/proc/self/oom_score_adj", -1000
	own, err := strconv.ParseInt(firstLine(file), 10, 64)
	if err != nil || own <= lowest {
		return lowest
	}
	if os.WriteFile(file, []byte(strconv.FormatInt(own-1, 10)), 0) != nil {
		return own
	}
	_ = os.WriteFile(file, []byte(strconv.FormatInt(own, 10)), 0)
	return lowest
}
