package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Untag takes one name from an image. An image without a name stays until it is
// removed by its ID.
func (s *Store) Untag(ref string) error {
	full, err := Normalize(ref)
	if err != nil {
		return fmt.Errorf("untag image: %w", err)
	}
	found := false
	err = s.changeIndex(func(index *v1.IndexManifest) error {
		for i := range index.Manifests {
			if index.Manifests[i].Annotations[annotationName] == full {
				dropName(&index.Manifests[i])
				found = true
			}
		}
		index.Manifests = dedupe(index.Manifests)
		return nil
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("untag image %q: %w", ref, err)
	}
	return nil
}

// Remove removes an image under all its names, as CRI's RemoveImage wants it, and
// deletes what no other image and no lease needs. An unknown image gives
// [ErrNotFound].
func (s *Store) Remove(ref string) error {
	img, err := s.Get(ref)
	if err != nil {
		return fmt.Errorf("remove image: %w", err)
	}
	err = s.changeIndex(func(index *v1.IndexManifest) error {
		index.Manifests = slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool {
			info, err := s.describeStored(d.Digest)
			return err == nil && info.ID == img.ID
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove image %q: %w", ref, err)
	}
	s.collect()
	return nil
}

// collect deletes the blobs and layers that nothing refers to. Failing to is no
// error of the caller's: what stays is found by the next collection.
func (s *Store) collect() {
	unlock, err := lockFile(filepath.Join(s.root, "use.lock"), true, false)
	if errors.Is(err, errBusy) {
		err = os.WriteFile(s.garbagePath(), nil, 0o600)
		if err != nil {
			s.logger.Error("cannot leave a note for the collector", "error", err)
		}
		return
	}
	if err == nil {
		defer unlock()
		err = errors.Join(os.RemoveAll(s.garbagePath()), s.sweep())
	}
	if err != nil {
		s.logger.Error("deleting unused image data", "error", err)
	}
}

// sweep is collect under the lock: mark what the index and the leases reach,
// delete the rest.
func (s *Store) sweep() error {
	blobs, layers, err := s.reachable()
	if err != nil {
		return err
	}
	return errors.Join(
		deleteOthers(filepath.Join(s.root, "blobs", "sha256"), blobs),
		deleteOthers(filepath.Join(s.root, "layers"), layers),
		deleteTemp(filepath.Join(s.root, "blobs")),
	)
}

func (s *Store) reachable() (blobs, layers map[string]bool, err error) {
	index, err := s.readIndex()
	if err != nil {
		return nil, nil, err
	}
	blobs, layers = map[string]bool{}, map[string]bool{}
	for _, d := range index.Manifests {
		blobs[d.Digest.Hex] = true
		raw, err := os.ReadFile(s.blobPath(d.Digest))
		if err != nil {
			return nil, nil, err
		}
		var m v1.Manifest
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, nil, fmt.Errorf("manifest %s: %w: %w", d.Digest, ErrCorrupt, err)
		}
		blobs[m.Config.Digest.Hex] = true
		for _, l := range m.Layers {
			blobs[l.Digest.Hex] = true
		}
		info, err := s.describeStored(d.Digest)
		if err != nil {
			return nil, nil, err
		}
		for _, id := range info.DiffIDs {
			layers[layerName(id)] = true
		}
	}
	return blobs, layers, s.leasedLayers(layers)
}

func deleteOthers(dir string, keep map[string]bool) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !keep[e.Name()] {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

func deleteTemp(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "tmp-") {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
