package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The annotations of a descriptor in index.json. The first two are what other
// tools write and read; the third remembers under which digest a registry
// served the image (for an image of several platforms that is not the digest
// of the manifest we keep).
const (
	annotationName   = "io.containerd.image.name"
	annotationTag    = "org.opencontainers.image.ref.name"
	annotationPulled = "coracle.pulled-digest"
)

func emptyIndex() *v1.IndexManifest {
	return &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}
}

func (s *Store) indexPath() string { return filepath.Join(s.root, "index.json") }

func (s *Store) readIndex() (*v1.IndexManifest, error) {
	raw, err := os.ReadFile(s.indexPath())
	if err != nil {
		return nil, fmt.Errorf("read image index: %w", err)
	}
	index := emptyIndex()
	if err := json.Unmarshal(raw, index); err != nil {
		return nil, fmt.Errorf("read image index %s: %w: %w", s.indexPath(), ErrCorrupt, err)
	}
	return index, nil
}

func (s *Store) writeIndex(index *v1.IndexManifest) error {
	raw, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return fmt.Errorf("write image index: %w", err)
	}
	return writeFile(s.indexPath(), raw)
}

// changeIndex runs change on the index under its lock and writes the result.
func (s *Store) changeIndex(change func(*v1.IndexManifest) error) error {
	unlock, err := s.lockIndex()
	if err != nil {
		return err
	}
	defer unlock()
	index, err := s.readIndex()
	if err != nil {
		return err
	}
	if err := change(index); err != nil {
		return err
	}
	return s.writeIndex(index)
}

// setNames gives names to a stored manifest and takes them from others, which
// stay in the store without a name. There is one descriptor for each name.
func (s *Store) setNames(digest v1.Hash, names []string, pulled string) error {
	raw, err := os.ReadFile(s.blobPath(digest))
	if err != nil {
		return err
	}
	var m v1.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("manifest %s: %w: %w", digest, ErrCorrupt, err)
	}
	media := m.MediaType
	if media == "" {
		media = types.OCIManifestSchema1
	}
	desc := v1.Descriptor{MediaType: media, Size: int64(len(raw)), Digest: digest}
	return s.changeIndex(func(index *v1.IndexManifest) error {
		for i := range index.Manifests {
			if slices.Contains(names, index.Manifests[i].Annotations[annotationName]) {
				dropName(&index.Manifests[i])
			}
		}
		for _, name := range names {
			index.Manifests = append(index.Manifests, withNames(desc, name, pulled))
		}
		if len(names) == 0 {
			index.Manifests = append(index.Manifests, withNames(desc, "", pulled))
		}
		index.Manifests = dedupe(index.Manifests)
		return nil
	})
}

// Tag gives the image that ref names another name, which moves from the image
// that had it.
func (s *Store) Tag(ref, name string) error {
	full, err := Normalize(name)
	if err != nil {
		return fmt.Errorf("tag image: %w", err)
	}
	if strings.Contains(full, "@") {
		return fmt.Errorf("tag image %q as %q: %w: a digest is no tag", ref, name, ErrInvalidName)
	}
	img, err := s.Get(ref)
	if err != nil {
		return fmt.Errorf("tag image: %w", err)
	}
	return s.setNames(img.Manifest, []string{full}, "")
}

func withNames(desc v1.Descriptor, full, pulled string) v1.Descriptor {
	notes := map[string]string{}
	switch {
	case strings.Contains(full, "@"):
		pulled = full
	case full != "":
		notes[annotationName] = full
		notes[annotationTag] = full[strings.LastIndex(full, ":")+1:]
	}
	if pulled != "" {
		notes[annotationPulled] = pulled
	}
	desc.Annotations = notes
	return desc
}

func dropName(d *v1.Descriptor) {
	notes := map[string]string{}
	if pulled := d.Annotations[annotationPulled]; pulled != "" {
		notes[annotationPulled] = pulled
	}
	d.Annotations = notes
}

// dedupe drops descriptors that say nothing which another one of the same
// manifest does not say.
func dedupe(in []v1.Descriptor) []v1.Descriptor {
	var out []v1.Descriptor
	for i, d := range in {
		redundant := func(j int, other v1.Descriptor) bool {
			if i == j || d.Digest != other.Digest {
				return false
			}
			name, pulled := d.Annotations[annotationName], d.Annotations[annotationPulled]
			if name != "" && name != other.Annotations[annotationName] {
				return false
			}
			if pulled != "" && pulled != other.Annotations[annotationPulled] {
				return false
			}
			same := name == other.Annotations[annotationName] && pulled == other.Annotations[annotationPulled]
			return !same || j < i
		}
		if !containsFunc(in, redundant) {
			out = append(out, d)
		}
	}
	return out
}

func containsFunc(ds []v1.Descriptor, f func(int, v1.Descriptor) bool) bool {
	for j, d := range ds {
		if f(j, d) {
			return true
		}
	}
	return false
}

// addNames adds to img what the descriptor says of its names.
func addNames(img *Image, d v1.Descriptor) {
	if name := d.Annotations[annotationName]; name != "" && !slices.Contains(img.Tags, name) {
		img.Tags = append(img.Tags, name)
	}
	if pulled := d.Annotations[annotationPulled]; pulled != "" && !slices.Contains(img.Digests, pulled) {
		img.Digests = append(img.Digests, pulled)
	}
}

// writeFile replaces a file in one step: readers see the old one or the new one.
func writeFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "tmp-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		if rmErr := os.Remove(tmp.Name()); !errors.Is(rmErr, fs.ErrNotExist) {
			err = errors.Join(err, rmErr)
		}
	}
	return err
}
