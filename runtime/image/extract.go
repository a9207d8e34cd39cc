package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// Names that stand for deletions in a layer, OCI image specification, layer.md:
// ".wh.x" deletes x of the layers below, ".wh..wh..opq" all of its directory.
const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
)

// An extractor unpacks one layer below a directory.
type extractor struct {
	root    *os.Root
	limits  Limits
	chown   bool // only root can give files away
	bytes   int64
	entries int
	skipped int // device nodes left out
	// dirTimes are set at the end, since writing into a directory changes its time.
	dirTimes map[string]time.Time
	// whiteouts are the names that the layer deletes from those below it.
	whiteouts map[string]bool
}

// extract unpacks a layer's tar into dir, which exists and is empty, and returns
// how many device nodes it left out.
func extract(tr *tar.Reader, dir string, limits Limits) (skipped int, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close() //nolint:errcheck // only a directory
	x := &extractor{
		root: root, limits: limits, chown: os.Geteuid() == 0,
		dirTimes: map[string]time.Time{}, whiteouts: map[string]bool{},
	}
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("%w: read tar: %w", ErrCorrupt, err)
		}
		if err := x.entry(hdr, tr); err != nil {
			return 0, fmt.Errorf("entry %q: %w", hdr.Name, err)
		}
	}
	return x.skipped, x.setDirTimes()
}

// entry unpacks one entry.
func (x *extractor) entry(hdr *tar.Header, body io.Reader) error {
	x.entries++
	if x.entries > x.limits.LayerEntries {
		return fmt.Errorf("%w: more than %d entries", ErrRefused, x.limits.LayerEntries)
	}
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := cleanName(hdr.Name)
	if err != nil {
		return err
	}
	if name == "." {
		return x.setAttributes(".", hdr)
	}
	parent, err := x.makeParent(name)
	if err != nil {
		return err
	}
	name = path.Join(parent, path.Base(name))
	if base := path.Base(name); strings.HasPrefix(base, whiteoutPrefix) {
		return x.whiteout(parent, base)
	}
	return x.create(name, hdr, body)
}

// cleanName makes an entry's name relative to the layer's root. Absolute names
// are taken as below it; a name that climbs is no accident and refused.
func cleanName(name string) (string, error) {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("%w: it climbs out of the layer", ErrRefused)
		}
	}
	if strings.ContainsRune(name, 0) || name == "" {
		return "", fmt.Errorf("%w: invalid name", ErrRefused)
	}
	clean := strings.TrimPrefix(path.Clean("/"+name), "/")
	if clean == "" {
		return ".", nil
	}
	return clean, nil
}

func (x *extractor) create(name string, hdr *tar.Header, body io.Reader) error {
	if err := x.makeRoom(name, hdr.Typeflag == tar.TypeDir); err != nil {
		return err
	}
	var err error
	switch hdr.Typeflag {
	case tar.TypeDir:
		err = x.makeDir(name)
	case tar.TypeReg, tar.TypeGNUSparse:
		err = x.writeFile(name, hdr, body)
	case tar.TypeSymlink:
		err = x.root.Symlink(hdr.Linkname, name)
	case tar.TypeLink:
		return x.hardLink(name, hdr.Linkname)
	case tar.TypeFifo:
		err = x.inParent(name, mkfifo)
	case tar.TypeChar, tar.TypeBlock:
		// A container gets its devices from its runtime, never from an image.
		x.skipped++
		return nil
	default:
		return fmt.Errorf("%w: entry type %q", ErrRefused, hdr.Typeflag)
	}
	if err != nil {
		return err
	}
	return x.setAttributes(name, hdr)
}

// makeRoom removes what an earlier entry left under the name; only a directory
// may meet a directory.
func (x *extractor) makeRoom(name string, dir bool) error {
	info, err := x.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || (dir && info.IsDir()) {
		return err
	}
	return x.root.RemoveAll(name)
}

func (x *extractor) makeDir(name string) error {
	err := x.root.Mkdir(name, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil && x.whiteouts[name] {
		// The layer deletes the directory below and makes a new one: the old one's
		// files must not shine through.
		return x.markOpaque(name)
	}
	return err
}

func (x *extractor) writeFile(name string, hdr *tar.Header, body io.Reader) error {
	f, err := x.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	left := x.limits.LayerBytes - x.bytes
	n, err := io.Copy(f, io.LimitReader(body, left+1))
	x.bytes += n
	if err == nil && n > left {
		err = fmt.Errorf("%w: the layer is larger than %d bytes", ErrRefused, x.limits.LayerBytes)
	}
	if err == nil {
		err = setXattrs(f, hdr.PAXRecords)
	}
	return errors.Join(err, f.Close())
}

func (x *extractor) hardLink(name, target string) error {
	target, err := cleanName(target)
	if err != nil {
		return err
	}
	parent, err := x.resolve(path.Dir(target))
	if err != nil {
		return err
	}
	target = path.Join(parent, path.Base(target))
	info, err := x.root.Lstat(target)
	if err != nil {
		return fmt.Errorf("hard link to %q: %w", target, err)
	}
	if info.IsDir() {
		return fmt.Errorf("%w: hard link to the directory %q", ErrRefused, target)
	}
	return x.root.Link(target, name)
}

// setAttributes gives a new file its owner, mode and time, in an order in which
// none undoes another: changing the owner clears the set-user-ID bit.
func (x *extractor) setAttributes(name string, hdr *tar.Header) error {
	if x.chown {
		if err := x.root.Lchown(name, hdr.Uid, hdr.Gid); err != nil {
			return err
		}
	}
	if hdr.Typeflag == tar.TypeSymlink {
		return nil
	}
	mode := hdr.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	if err := x.root.Chmod(name, mode); err != nil {
		return err
	}
	if hdr.Typeflag == tar.TypeDir {
		x.dirTimes[name] = hdr.ModTime
		return nil
	}
	return x.root.Chtimes(name, hdr.ModTime, hdr.ModTime)
}

func (x *extractor) setDirTimes() error {
	for name, t := range x.dirTimes {
		info, err := x.root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.IsDir()) {
			continue // replaced by a later entry
		}
		if err == nil {
			err = x.root.Chtimes(name, t, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
