//go:build !linux

package kubelet

// machineMemory returns a size to plan with where the real one is not asked
// for: such machines run no real containers.
func machineMemory() (int64, bool) { return 8 << 30, true }

// diskSize is the same for the disk.
func diskSize(string) (int64, bool) { return 64 << 30, true }

func machine() machineInfo {
	return machineInfo{OSImage: operatingSystem, Kernel: "unknown"}
}

func lowestOOMScore() int64 { return -1000 }
