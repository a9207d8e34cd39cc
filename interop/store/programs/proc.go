package programs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc: Linux has always told programs that
// it is a hundredth of a second. See proc_pid_stat(5).
const tick = 10 * time.Millisecond

// CPU returns how much processor time the program has used. It needs Linux.
func (p *Program) CPU() (time.Duration, error) {
	used, err := CPU(p.PID())
	if err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", p.Name, err)
	}
	return used, nil
}

// CPU returns how much processor time a process has used.
func CPU(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field, the name, is in parentheses and may have spaces. User and
	// system time are the 14th and 15th.
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("%q is not understood", b)
	}
	var used time.Duration
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		used += time.Duration(n) * tick
	}
	return used, nil
}

// PeakMemory returns the most memory, in bytes, that the program has had at any
// time: VmHWM of proc_pid_status(5). It needs Linux.
func (p *Program) PeakMemory() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", p.Name, err)
	}
	for line := range strings.Lines(string(b)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
			return kilobytes << 10, nil
		}
	}
	return 0, fmt.Errorf("memory of %s: no VmHWM in its status", p.Name)
}
