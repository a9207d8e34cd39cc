package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// whiteout notes a deletion in overlayfs' form. It concerns the layers below
// only: what this layer itself brings under the name stays.
func (x *extractor) whiteout(parent, base string) error {
	if base == opaqueMarker {
		return x.markOpaque(parent)
	}
	target := strings.TrimPrefix(base, whiteoutPrefix)
	if target == "" || target == "." || target == ".." {
		return fmt.Errorf("%w: a deletion of %q", ErrRefused, target)
	}
	name := path.Join(parent, target)
	x.whiteouts[name] = true
	info, err := x.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return x.inParent(name, mkwhiteout)
	case err != nil:
		return err
	case info.IsDir():
		return x.markOpaque(name)
	}
	return nil
}

func (x *extractor) markOpaque(dir string) error {
	f, err := x.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(setOpaque(f), f.Close())
}

// inParent runs a call that os.Root does not have, on the open parent directory
// and the last part of the name, so that no part of the path is walked again.
func (x *extractor) inParent(name string, call func(dir *os.File, base string) error) error {
	dir, err := x.root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(call(dir, path.Base(name)), dir.Close())
}

// makeParent makes the directories above name and returns their real path.
func (x *extractor) makeParent(name string) (string, error) {
	parent, err := x.resolve(path.Dir(name))
	if err != nil {
		return "", err
	}
	info, err := x.root.Lstat(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return parent, x.root.MkdirAll(parent, 0o755)
	}
	if err == nil && !info.IsDir() {
		return "", fmt.Errorf("%w: %q is no directory", ErrRefused, parent)
	}
	return parent, err
}

// resolve follows the symbolic links in a path as a process would whose root
// directory is the layer: absolute targets start there, and ".." stops there.
func (x *extractor) resolve(name string) (string, error) { return ResolveIn(x.root, name) }

// maxLinks is how many symbolic links a path may pass, as in Linux (path_resolution(7)).
const maxLinks = 40

// ResolveIn returns where name leads below root when the symbolic links on its
// way are followed as if root were "/". The result is relative to root, has no
// links and no "..", and is "." for root itself. What does not exist is no
// error: from there on the rest is taken as it stands.
func ResolveIn(root *os.Root, name string) (string, error) {
	rest := strings.Split(path.Clean("/"+name), "/")
	at, links := ".", 0
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		info, err := root.Lstat(next)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%w: too many symbolic links in %q", ErrRefused, name)
		}
		target, err := root.Readlink(next)
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			at = "."
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at, nil
}
