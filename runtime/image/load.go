package image

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Load stores the images of an archive, under the names in it: a tar as docker
// save writes it or a tar of an OCI image layout, plain or gzipped. It returns
// what it loaded, in the archive's order.
func (s *Store) Load(ctx context.Context, archive string) ([]Image, error) {
	images, err := s.load(ctx, archive)
	if err != nil {
		return nil, fmt.Errorf("load images from %s: %w", archive, err)
	}
	if len(images) == 0 {
		return nil, fmt.Errorf("load images from %s: %w: no image in it", archive, ErrCorrupt)
	}
	return images, nil
}

func (s *Store) load(ctx context.Context, archive string) ([]Image, error) {
	open := func() (io.ReadCloser, error) { return openArchive(archive) }
	kind, err := archiveKind(open)
	if err != nil {
		return nil, err
	}
	if kind == "docker" {
		return s.loadDocker(ctx, open)
	}
	return s.loadLayout(ctx, open)
}

// archiveKind looks at the names in an archive. docker's newer archives are both
// kinds; their manifest.json has the full names of the images.
func archiveKind(open tarball.Opener) (string, error) {
	kind := ""
	err := eachEntry(open, func(hdr *tar.Header, _ io.Reader) error {
		switch strings.TrimPrefix(hdr.Name, "./") {
		case "manifest.json":
			kind = "docker"
		case "index.json":
			if kind == "" {
				kind = "layout"
			}
		}
		return nil
	})
	if err == nil && kind == "" {
		err = fmt.Errorf("%w: neither manifest.json nor index.json in it", ErrCorrupt)
	}
	return kind, err
}

func (s *Store) loadDocker(ctx context.Context, open tarball.Opener) ([]Image, error) {
	manifest, err := tarball.LoadManifest(open)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	var images []Image
	for _, d := range manifest {
		if len(d.RepoTags) == 0 && len(manifest) > 1 {
			return nil, fmt.Errorf("%w: several images and one without a name", ErrRefused)
		}
		img, err := dockerImage(open, d.RepoTags)
		if err != nil {
			return nil, err
		}
		added, err := s.Add(ctx, img, d.RepoTags...)
		if err != nil {
			return nil, err
		}
		images = append(images, added)
	}
	return images, nil
}

func dockerImage(open tarball.Opener, tags []string) (v1.Image, error) {
	if len(tags) == 0 {
		return tarball.Image(open, nil)
	}
	tag, err := name.NewTag(tags[0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidName, err)
	}
	return tarball.Image(open, &tag)
}

// layoutEntry are the files of an OCI image layout; nothing else is unpacked.
var layoutEntry = regexp.MustCompile(`^(oci-layout|index\.json|blobs/sha256/[0-9a-f]{64})$`)

// loadLayout unpacks an OCI archive beside the blobs and adds the images of its
// index.
func (s *Store) loadLayout(ctx context.Context, open tarball.Opener) (images []Image, err error) {
	dir, err := os.MkdirTemp("", "coracle-load-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o700); err != nil {
		return nil, err
	}
	left := s.opts.Limits.LayerBytes
	err = eachEntry(open, func(hdr *tar.Header, body io.Reader) error {
		entry := strings.TrimPrefix(hdr.Name, "./")
		if hdr.Typeflag != tar.TypeReg || !layoutEntry.MatchString(entry) {
			return nil
		}
		if left -= hdr.Size; left < 0 {
			return fmt.Errorf("%w: larger than %d bytes", ErrRefused, s.opts.Limits.LayerBytes)
		}
		return copyTo(filepath.Join(dir, filepath.FromSlash(entry)), ctxReader{ctx, body})
	})
	if err != nil {
		return nil, err
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return s.addIndex(ctx, index)
}

func (s *Store) addIndex(ctx context.Context, index v1.ImageIndex) ([]Image, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	var images []Image
	for _, d := range m.Manifests {
		img, err := imageFor(index, d)
		if err != nil {
			return nil, err
		}
		if img == nil {
			continue
		}
		added, err := s.Add(ctx, img, nameOf(d)...)
		if err != nil {
			return nil, err
		}
		images = append(images, added)
	}
	return images, nil
}

// imageFor returns the image that a descriptor leads to on our platform, or nil
// for what is no image for it.
func imageFor(index v1.ImageIndex, d v1.Descriptor) (v1.Image, error) {
	switch {
	case d.MediaType.IsImage():
		if d.Platform != nil && !d.Platform.Satisfies(platform) {
			return nil, nil
		}
		return index.Image(d.Digest)
	case d.MediaType.IsIndex():
		inner, err := index.ImageIndex(d.Digest)
		if err != nil {
			return nil, err
		}
		m, err := inner.IndexManifest()
		if err != nil {
			return nil, err
		}
		for _, child := range m.Manifests {
			if child.MediaType.IsImage() && (child.Platform == nil || child.Platform.Satisfies(platform)) {
				return inner.Image(child.Digest)
			}
		}
		return nil, fmt.Errorf("%w: index %s has no image for %s", ErrNotFound, d.Digest, platform)
	}
	return nil, nil
}

// nameOf reads a descriptor's name. The OCI annotation is often a bare tag, which
// names nothing.
func nameOf(d v1.Descriptor) []string {
	if full := d.Annotations[annotationName]; full != "" {
		return []string{full}
	}
	if ref := d.Annotations[annotationTag]; strings.ContainsAny(ref, "/:") {
		return []string{ref}
	}
	return nil
}

// Save writes the image that ref names to w as an archive that docker load and
// [Store.Load] read.
func (s *Store) Save(ref string, w io.Writer) error {
	img, err := s.Get(ref)
	if err != nil {
		return err
	}
	stored, err := s.open(img.Manifest)
	if err != nil {
		return err
	}
	full, err := Normalize(ref)
	if _, isID := asID(ref); isID && len(img.Tags) > 0 {
		full, err = img.Tags[0], nil
	}
	if err != nil {
		return err
	}
	r, err := parse(full)
	if err != nil {
		return err
	}
	if err := tarball.Write(r, stored, w); err != nil {
		return fmt.Errorf("save image %q: %w", ref, err)
	}
	return nil
}

// openArchive opens a file and undoes gzip, known by its first two bytes.
func openArchive(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	magic := make([]byte, 2)
	n, _ := io.ReadFull(f, magic)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if n < 2 || magic[0] != 0x1f || magic[1] != 0x8b {
		return f, nil
	}
	zr, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{zr, f}, nil
}

func eachEntry(open tarball.Opener, do func(*tar.Header, io.Reader) error) error {
	f, err := open()
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read from
	tr := tar.NewReader(f)
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: read tar: %w", ErrCorrupt, err)
		}
		if err := do(hdr, tr); err != nil {
			return err
		}
	}
}

func copyTo(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
