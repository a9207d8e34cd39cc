package image_test

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"
)

// tarOf packs a directory with the system's tar.
func tarOf(t *testing.T, dir string) string {
	t.Helper()
	out := dir + ".tar"
	if b, err := exec.Command("tar", "-C", dir, "-cf", out, ".").CombinedOutput(); err != nil {
		t.Skipf("needs tar: %v: %s", err, b)
	}
	return out
}

// An entry is one header of an archive, and its data.
type entry struct {
	tar.Header
	data string
}

func unpack(t *testing.T, limits image.Limits, entries ...entry) (dir string, err error) {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, e := range entries {
		e.Size = int64(len(e.data))
		if e.Mode == 0 {
			e.Mode = 0o755
		}
		e.Uid, e.Gid = os.Getuid(), os.Getgid()
		require.NoError(t, tw.WriteHeader(&e.Header))
		_, err := tw.Write([]byte(e.data))
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	img, err := mutate.AppendLayers(empty.Image, static.NewLayer(buf.Bytes(), types.OCIUncompressedLayer))
	require.NoError(t, err)
	s, err := image.Open(filepath.Join(t.TempDir(), "store"), image.Options{Limits: limits})
	require.NoError(t, err)
	_, err = s.Add(t.Context(), img, "x")
	require.NoError(t, err)
	dirs, err := s.Unpack(t.Context(), "x")
	if err != nil {
		return "", err
	}
	return dirs[0], nil
}

func reg(name, data string) entry { return entry{tar.Header{Name: name, Typeflag: tar.TypeReg}, data} }
func dir(name string) entry       { return entry{tar.Header{Name: name, Typeflag: tar.TypeDir}, ""} }
func link(name, target string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}, ""}
}
func hard(name, target string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}, ""}
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(parts...))
	require.NoError(t, err)
	return string(raw)
}

func needsUnix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs modes and links as Unix has them")
	}
}

func TestUnpack(t *testing.T) {
	needsUnix(t)
	d, err := unpack(t, image.Limits{},
		dir("./"), dir("bin"), reg("bin/a", "one"), hard("bin/b", "bin/a"), link("bin/c", "a"),
		entry{tar.Header{Name: "bin/su", Typeflag: tar.TypeReg, Mode: 0o4755}, "x"},
		reg("deep/er/file", "no parents"), reg("bin/a", "two"),
		link("usr/lib", "/lib64"), dir("lib64"), reg("usr/lib/so", "through an absolute link"),
	)
	require.NoError(t, err)
	require.Equal(t, "two", read(t, d, "bin/a"), "a later entry replaces an earlier one")
	require.Equal(t, "one", read(t, d, "bin/b"), "and not what was linked to it")
	require.Equal(t, "two", read(t, d, "bin/c"))
	require.Equal(t, "no parents", read(t, d, "deep/er/file"))
	require.Equal(t, "through an absolute link", read(t, d, "lib64/so"))
	info, err := os.Stat(filepath.Join(d, "bin/su"))
	require.NoError(t, err)
	require.Equal(t, fs.ModeSetuid|0o755, info.Mode())
}

// What an archive must not do: each of these either fails, or stays inside.
func TestUnpack_hostile(t *testing.T) {
	needsUnix(t)
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	small := image.Limits{LayerBytes: 100, LayerEntries: 5}
	many := make([]entry, 6)
	for i := range many {
		many[i] = reg(strings.Repeat("x", i+1), "")
	}
	for name, c := range map[string]struct {
		limits  image.Limits
		entries []entry
		want    error
	}{
		"climbing name":            {entries: []entry{reg("../escaped", "x")}, want: image.ErrRefused},
		"climbing in the middle":   {entries: []entry{reg("a/../../escaped", "x")}, want: image.ErrRefused},
		"climbing hard link":       {entries: []entry{hard("a", "../../../../"+secret)}, want: image.ErrRefused},
		"hard link to nothing":     {entries: []entry{hard("a", secret)}, want: fs.ErrNotExist},
		"hard link to a directory": {entries: []entry{dir("d"), hard("a", "d")}, want: image.ErrRefused},
		"file below a file":        {entries: []entry{reg("a", "x"), reg("a/b", "y")}, want: image.ErrRefused},
		"link cycle":               {entries: []entry{link("a", "b"), link("b", "a"), reg("a/x", "y")}, want: image.ErrRefused},
		"too many bytes":           {limits: small, entries: []entry{reg("a", strings.Repeat("x", 60)), reg("b", strings.Repeat("x", 60))}, want: image.ErrRefused},
		"too many entries":         {limits: small, entries: many, want: image.ErrRefused},
		"whiteout of nothing":      {entries: []entry{reg(".wh.", "")}, want: image.ErrRefused},
		"whiteout of the parent":   {entries: []entry{dir("d"), reg("d/.wh...", "")}, want: image.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := unpack(t, c.limits, c.entries...)
			require.ErrorIs(t, err, c.want)
		})
	}
	contained := map[string][]entry{
		"absolute name":      {reg("/inside", "x")},
		"link out, then in":  {link("a", outside), reg("a/inside", "x")},
		"link up, then in":   {link("a", "../../../../../../.."+outside), reg("a/secret", "x")},
		"link as the target": {link("a", secret), reg("a", "x")},
		"hard link of link":  {link("a", secret), hard("b", "a"), reg("b", "x")},
	}
	for name, entries := range contained {
		t.Run(name, func(t *testing.T) {
			_, err := unpack(t, image.Limits{}, entries...)
			require.NoError(t, err)
			require.Equal(t, "secret", read(t, secret))
			left, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Len(t, left, 1, "nothing was written outside")
		})
	}
}

func TestUnpack_devices_are_left_out(t *testing.T) {
	needsUnix(t)
	d, err := unpack(t, image.Limits{},
		entry{tar.Header{Name: "disk", Typeflag: tar.TypeBlock, Devmajor: 8}, ""},
		entry{tar.Header{Name: "mem", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 1}, ""}, reg("file", "x"))
	require.NoError(t, err)
	entries, err := os.ReadDir(d)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// FuzzUnpack throws broken archives at the unpacker. Whatever happens, nothing
// appears outside, and what is refused leaves nothing behind.
func FuzzUnpack(f *testing.F) {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, e := range []entry{dir("d"), link("d/l", "/etc"), reg("d/l/f", "x"), hard("h", "d/l/f"), reg("d/.wh.x", "")} {
		e.Size, e.Mode = int64(len(e.data)), 0o755
		_ = tw.WriteHeader(&e.Header)
		_, _ = tw.Write([]byte(e.data))
	}
	_ = tw.Close()
	f.Add(buf.Bytes())
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if runtime.GOOS == "windows" {
			t.Skip("needs Unix")
		}
		base := t.TempDir()
		s, err := image.Open(filepath.Join(base, "store"), image.Options{Limits: image.Limits{LayerBytes: 1 << 20, LayerEntries: 1000}})
		require.NoError(t, err)
		img, err := mutate.AppendLayers(empty.Image, static.NewLayer(raw, types.OCIUncompressedLayer))
		require.NoError(t, err)
		if _, err = s.Add(t.Context(), img, "x"); err != nil {
			return
		}
		_, err = s.Unpack(t.Context(), "x")
		outside, readErr := os.ReadDir(base)
		require.NoError(t, readErr)
		require.Len(t, outside, 1)
		if err != nil {
			layers, readErr := os.ReadDir(filepath.Join(base, "store", "layers"))
			require.NoError(t, readErr)
			require.Empty(t, layers)
		}
	})
}
