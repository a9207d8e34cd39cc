package goroutine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// files is a container's file system: its mounts, and below them a root folder
// of its own that appears when something is written and goes with the
// container.
//
//	/etc/config/key  ──mount /etc/config──►  <host path>/key
//	/tmp/healthy     ──no mount──────────►  <root>/tmp/healthy
type files struct {
	mounts []*cri.Mount // longest container path first
	parent string       // folder that root is made in, empty for the system's own

	mu     sync.Mutex // guards the fields below
	root   string     // empty: nothing was written yet
	closed bool
}

func newFiles(parent string, mounts []*cri.Mount) *files {
	sorted := slices.Clone(mounts)
	slices.SortStableFunc(sorted, func(a, b *cri.Mount) int {
		return len(cleanPath(b.ContainerPath)) - len(cleanPath(a.ContainerPath))
	})
	return &files{mounts: sorted, parent: parent}
}

func cleanPath(name string) string { return path.Clean("/" + name) }

// open opens a file as os.OpenFile does. A path cannot leave the mount it is
// in, neither by ".." nor by a symbolic link.
func (f *files) open(name string, flag int, perm os.FileMode) (*os.File, error) {
	name = cleanPath(name)
	write := flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND) != 0
	for _, m := range f.mounts {
		below, ok := under(cleanPath(m.ContainerPath), name)
		if !ok {
			continue
		}
		if write && m.Readonly {
			return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EROFS}
		}
		return openIn(m.HostPath, below, name, flag, perm)
	}
	root, err := f.ownRoot(write)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if write {
		if err := os.MkdirAll(filepath.Join(root, filepath.FromSlash(path.Dir(name))), 0o755); err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
	return openIn(root, strings.TrimPrefix(name, "/"), name, flag, perm)
}

// under returns what is left of name below dir; "." for dir itself.
func under(dir, name string) (string, bool) {
	if name == dir {
		return ".", true
	}
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(dir, "/")+"/")
	return rest, ok
}

func openIn(base, below, name string, flag int, perm os.FileMode) (*os.File, error) {
	if below == "." {
		return os.OpenFile(base, flag, perm)
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, renamed(err, name)
	}
	defer root.Close()
	file, err := root.OpenFile(filepath.FromSlash(below), flag, perm)
	return file, renamed(err, name)
}

// renamed makes an error speak of the path in the container.
func renamed(err error, name string) error {
	if wrong, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: wrong.Op, Path: name, Err: wrong.Err}
	}
	return err
}

// ownRoot returns the container's own folder, making it when create is set.
func (f *files) ownRoot(create bool) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return "", fs.ErrClosed
	case f.root == "" && !create:
		return "", fs.ErrNotExist
	case f.root == "":
		root, err := os.MkdirTemp(f.parent, "goroutine-container-")
		if err != nil {
			return "", fmt.Errorf("make container root: %w", err)
		}
		f.root = root
	}
	return f.root, nil
}

// remove deletes the container's own folder, not what is mounted.
func (f *files) remove() error {
	f.mu.Lock()
	root := f.root
	f.closed, f.root = true, ""
	f.mu.Unlock()
	if root == "" {
		return nil
	}
	return os.RemoveAll(root)
}

// OpenFile opens a file of the container as os.OpenFile does: in one of its
// mounts, or in a folder that the container has for itself and loses when it is
// removed. Parents of a new file outside the mounts are made.
func (p *Process) OpenFile(name string, flag int, perm os.FileMode) (*os.File, error) {
	if !path.IsAbs(name) {
		name = path.Join("/", p.WorkingDir, name)
	}
	return p.container.files.open(name, flag, perm)
}

// Open opens a file of the container for reading.
func (p *Process) Open(name string) (*os.File, error) { return p.OpenFile(name, os.O_RDONLY, 0) }

// ReadFile returns what is in a file of the container.
func (p *Process) ReadFile(name string) ([]byte, error) {
	file, err := p.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// readFile returns what is in a file, for the runtime's own use.
func (f *files) readFile(name string) ([]byte, error) {
	file, err := f.open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// WriteFile writes a file of the container, in place of what it held.
func (p *Process) WriteFile(name string, data []byte) error {
	file, err := p.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}
