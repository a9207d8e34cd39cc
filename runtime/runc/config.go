package runc

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/coracle-k8s/coracle/runtime/image"
)

// ErrNeedsLinux is returned on other systems: containers are a thing of the
// Linux kernel.
var ErrNeedsLinux = errors.New("the runc runtime needs Linux")

// A Config says where a [Runtime] lives and what it works with.
type Config struct {
	// Root is the directory of what must outlive a restart: what sandboxes and
	// containers were asked to be, and the files that containers write. Required.
	Root string
	// State is the directory of what is gone after a reboot: pinned namespaces,
	// sockets, process ids. Empty means Root/state. A tmpfs such as /run suits it.
	State string
	// RuncPath is the runc program; empty means the one that [Find] finds.
	RuncPath string
	// Images is the store from which containers are made. Required; it may be
	// shared with other runtimes.
	Images *image.Store
	// CgroupParent is the cgroup below which the runtime puts a pod whose sandbox
	// names none. Empty means /coracle.
	CgroupParent string
	// Network connects pods to each other. Nil means that there is no pod network:
	// pods have only their loopback, and Status says that the network is not ready.
	Network Network
	// NetNSPath is the network namespace of the node, a file such as
	// /run/netns/node1. Pods on the host network live in it. Empty means the
	// namespace this process is in.
	NetNSPath string
	// PidsLimit is the number of processes and threads a container may have; zero
	// means no limit of its own.
	PidsLimit int64
	// Logger hears what is noteworthy; nil means nobody.
	Logger *slog.Logger
}

// errNoRunc says what to do about a missing runc.
var errNoRunc = errors.New("runc not found on PATH, beside this program or in ./bin: run make runc")

// Find returns the path of the runc program: the one on PATH, else the one beside
// this program, else ./bin/runc.
func Find() (string, error) {
	if path, err := exec.LookPath("runc"); err == nil {
		return filepath.Abs(path)
	}
	dirs := []string{"bin"}
	if self, err := os.Executable(); err == nil {
		dirs = []string{filepath.Dir(self), "bin"}
	}
	for _, dir := range dirs {
		path, err := exec.LookPath(filepath.Join(dir, "runc"))
		if err == nil || errors.Is(err, exec.ErrDot) {
			return filepath.Abs(path)
		}
	}
	return "", errNoRunc
}
