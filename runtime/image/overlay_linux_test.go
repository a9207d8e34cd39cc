package image_test

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: deletions are device nodes and trusted attributes")
	}
}

func TestUnpack_deletions(t *testing.T) {
	needsRoot(t)
	d, err := unpack(t, image.Limits{},
		dir("etc"), reg("etc/.wh.gone", ""),
		dir("opaque"), reg("opaque/.wh..wh..opq", ""), reg("opaque/new", "x"),
		reg(".wh.renewed", ""), dir("renewed"), reg("renewed/new", "x"),
		reg("kept", "mine"), reg(".wh.kept", ""),
	)
	require.NoError(t, err)
	var st unix.Stat_t
	require.NoError(t, unix.Lstat(filepath.Join(d, "etc/gone"), &st))
	require.EqualValues(t, unix.S_IFCHR, st.Mode&unix.S_IFMT)
	require.Zero(t, st.Rdev)
	for _, name := range []string{"opaque", "renewed"} {
		value := make([]byte, 8)
		n, err := unix.Getxattr(filepath.Join(d, name), "trusted.overlay.opaque", value)
		require.NoError(t, err, name)
		require.Equal(t, "y", string(value[:n]))
	}
	require.Equal(t, "mine", read(t, d, "kept"), "a deletion concerns the layers below only")
}

// The deletions are overlayfs' own: a mount shows the image as it was meant.
func TestUnpack_stacks(t *testing.T) {
	needsRoot(t)
	s := open(t)
	_, err := s.Add(t.Context(), of(t,
		[]image.File{{Name: "/d", Mode: os.ModeDir | 0o755}, file("/d/old", "1"), file("/gone", "1"), file("/same", "1")},
		[]image.File{{Name: "/d", Mode: os.ModeDir | 0o755}, file("/d/.wh..wh..opq", ""), file("/d/new", "2"), file("/.wh.gone", ""), file("/same", "2")},
	), "x")
	require.NoError(t, err)
	dirs, err := s.Unpack(t.Context(), "x")
	require.NoError(t, err)
	at := t.TempDir()
	if err := unix.Mount("overlay", at, "overlay", unix.MS_RDONLY, "lowerdir="+dirs[1]+":"+dirs[0]); err != nil {
		t.Skipf("needs overlayfs: %v", err)
	}
	defer func() { require.NoError(t, unix.Unmount(at, 0)) }()
	require.Equal(t, "2", read(t, at, "same"))
	require.NoFileExists(t, filepath.Join(at, "gone"))
	require.NoFileExists(t, filepath.Join(at, "d/old"))
	require.FileExists(t, filepath.Join(at, "d/new"))
}

func TestUnpack_attributes(t *testing.T) {
	needsRoot(t)
	d, err := unpack(t, image.Limits{}, entry{tar.Header{
		Name: "f", Typeflag: tar.TypeReg, Format: tar.FormatPAX,
		PAXRecords: map[string]string{"SCHILY.xattr.user.note": "hi", "SCHILY.xattr.trusted.overlay.redirect": "/etc"},
	}, "x"})
	require.NoError(t, err)
	value := make([]byte, 8)
	if n, err := unix.Getxattr(filepath.Join(d, "f"), "user.note", value); err == nil {
		require.Equal(t, "hi", string(value[:n]))
	}
	_, err = unix.Getxattr(filepath.Join(d, "f"), "trusted.overlay.redirect", value)
	require.ErrorIs(t, err, unix.ENODATA, "an image does not speak to overlayfs")
}

// A full disk gives an error that says so, and loses nothing that was there.
func TestStore_full_disk(t *testing.T) {
	needsRoot(t)
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("needs to mount a tmpfs: %v", err)
	}
	defer func() { require.NoError(t, unix.Unmount(disk, unix.MNT_DETACH)) }()
	s, err := image.Open(filepath.Join(disk, "store"), image.Options{})
	require.NoError(t, err)
	_, err = s.Add(t.Context(), of(t, []image.File{file("/a", "small")}), "small")
	require.NoError(t, err)
	_, err = s.Add(t.Context(), of(t, []image.File{file("/a", strings.Repeat("x", 2<<20))}), "large")
	require.ErrorIs(t, err, unix.ENOSPC)
	images, err := s.List()
	require.NoError(t, err)
	require.Len(t, images, 1)
	left, err := filepath.Glob(filepath.Join(disk, "store/blobs/tmp-*"))
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = s.Unpack(t.Context(), "small")
	require.NoError(t, err)
}
