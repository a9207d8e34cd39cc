package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A File is a file, a directory or a symbolic link of a [Layer].
type File struct {
	// Name is its absolute path.
	Name string
	// Mode are its type and permissions; [fs.ModeDir] makes a directory,
	// [fs.ModeSymlink] a link to Target.
	Mode fs.FileMode
	// Data is what is in a regular file.
	Data []byte
	// Target is where a symbolic link leads.
	Target string
	// UID and GID own it.
	UID, GID int
}

// Layer makes an uncompressed image layer of files, sorted by name, which thus
// depends on nothing but them.
func Layer(files []File) (v1.Layer, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, f := range files {
		if err := tw.WriteHeader(f.header()); err != nil {
			return nil, fmt.Errorf("layer: %s: %w", f.Name, err)
		}
		if _, err := tw.Write(f.Data); err != nil {
			return nil, fmt.Errorf("layer: %s: %w", f.Name, err)
		}
	}
	if err := tw.Close(); err != nil {
		return nil, fmt.Errorf("layer: %w", err)
	}
	return static.NewLayer(buf.Bytes(), types.OCIUncompressedLayer), nil
}

func (f File) header() *tar.Header {
	h := &tar.Header{
		Name: strings.TrimPrefix(f.Name, "/"), Typeflag: tar.TypeReg, Size: int64(len(f.Data)),
		Mode: int64(f.Mode.Perm()), Uid: f.UID, Gid: f.GID, ModTime: time.Unix(0, 0), Format: tar.FormatPAX,
	}
	for bit, unix := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if f.Mode&bit != 0 {
			h.Mode |= unix
		}
	}
	switch {
	case f.Mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	case f.Mode&fs.ModeSymlink != 0:
		h.Typeflag, h.Linkname = tar.TypeSymlink, f.Target
	}
	return h
}
