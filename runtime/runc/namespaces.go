//go:build linux

package runc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"strings"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/bundle"
	"golang.org/x/sys/unix"
)

// A namespace lives as long as a process is in it, or a mount holds it. A pod's
// namespaces are held by mounts: files in the sandbox's state directory on which
// /proc/…/ns/… is bind-mounted. So a pod needs no process of its own.

// nsFiles are the namespaces of a sandbox by the name of their file.
var nsFlags = map[string]int{"net": unix.CLONE_NEWNET, "ipc": unix.CLONE_NEWIPC, "uts": unix.CLONE_NEWUTS}

// A nsRequest says which namespaces to make and what to set in them.
type nsRequest struct {
	net, ipc bool // uts always
	hostname string
	sysctls  map[string]string
}

// createNamespaces makes namespaces and holds them in dir.
func createNamespaces(dir string, req nsRequest) error {
	names := []string{"uts"}
	if req.net {
		names = append(names, "net")
	}
	if req.ipc {
		names = append(names, "ipc")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	flags := 0
	for _, name := range names {
		flags |= nsFlags[name]
	}
	return onOwnThread(func() error {
		if err := unix.Unshare(flags); err != nil {
			return fmt.Errorf("make namespaces: %w", err)
		}
		if err := fillNamespaces(req); err != nil {
			return err
		}
		for _, name := range names {
			if err := pin("/proc/thread-self/ns/"+name, filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// fillNamespaces runs inside the new namespaces.
func fillNamespaces(req nsRequest) error {
	if err := unix.Sethostname([]byte(req.hostname)); err != nil {
		return fmt.Errorf("set hostname %q: %w", req.hostname, err)
	}
	if req.net {
		if err := loopbackUp(); err != nil {
			return fmt.Errorf("set the loopback up: %w", err)
		}
	}
	for name, value := range req.sysctls {
		path := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			return fmt.Errorf("%w: set sysctl %s: %w", bundle.ErrInvalid, name, err)
		}
	}
	return nil
}

// pin holds a namespace by a mount on the file target.
func pin(ns, target string) error {
	f, err := os.OpenFile(target, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := unix.Mount(ns, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("hold namespace %s: %w", filepath.Base(target), err)
	}
	return nil
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // only a handle for ioctl
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// inNetNS runs f in the network namespace at path; "" is the present one.
func inNetNS(path string, f func() error) error {
	if path == "" {
		return f()
	}
	return onOwnThread(func() error {
		ns, err := os.Open(path)
		if err != nil {
			return err
		}
		err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		if err := errors.Join(err, ns.Close()); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", path, err)
		}
		return f()
	})
}

// onOwnThread runs f on a thread that ends with it, so that whatever f changes of
// the thread (namespaces, directories) hits nobody else. It must not be the main
// thread: that one cannot end, and /proc/self shows its namespaces.
func onOwnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		goruntime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			done <- onOwnThread(f) // runs elsewhere, since this thread is taken
			goruntime.UnlockOSThread()
			return
		}
		done <- f()
	}()
	return <-done
}

// sysctlName is what may name a sysctl: no path may be made of it.
var sysctlName = regexp.MustCompile(`^[a-z0-9_-]+(\.[a-zA-Z0-9_-]+)+$`)

// checkSysctls refuses settings that are not of the pod's own namespaces: they
// would change the whole node (Kubernetes calls the others "namespaced").
func checkSysctls(sysctls map[string]string, ownNet, ownIPC bool) error {
	for name := range sysctls {
		if !sysctlName.MatchString(name) {
			return fmt.Errorf("%w: sysctl name %q", bundle.ErrInvalid, name)
		}
		own := false
		switch {
		case strings.HasPrefix(name, "net."):
			own = ownNet
		case strings.HasPrefix(name, "kernel.shm"), strings.HasPrefix(name, "kernel.msg"),
			name == "kernel.sem", strings.HasPrefix(name, "fs.mqueue."):
			own = ownIPC
		}
		if !own {
			return fmt.Errorf("%w: sysctl %s is not of the pod's own namespaces", bundle.ErrInvalid, name)
		}
	}
	return nil
}
