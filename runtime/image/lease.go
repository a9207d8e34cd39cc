package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

var ownerName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$`)

// Use unpacks the image that ref names and keeps its layers for owner (a
// container's ID, say) until [Store.Release], even when the image is removed
// meanwhile. It returns the image and its layers' directories, lowest first,
// which the caller only reads. Leases outlive the process.
func (s *Store) Use(ctx context.Context, owner, ref string) (Image, []string, error) {
	if !ownerName.MatchString(owner) {
		return Image{}, nil, fmt.Errorf("use image %q: invalid owner %q", ref, owner)
	}
	done, err := s.beginUse()
	if err != nil {
		return Image{}, nil, fmt.Errorf("use image %q: %w", ref, err)
	}
	defer done()
	img, err := s.Get(ref)
	if err != nil {
		return Image{}, nil, err
	}
	raw, err := json.Marshal(img.DiffIDs)
	if err != nil {
		return Image{}, nil, err
	}
	if err := os.WriteFile(s.leasePath(owner), raw, 0o600); err != nil {
		return Image{}, nil, fmt.Errorf("use image %q: %w", ref, err)
	}
	dirs, err := s.unpack(ctx, img)
	if err != nil {
		return Image{}, nil, errors.Join(fmt.Errorf("use image %q: %w", ref, err), s.Release(owner))
	}
	return img, dirs, nil
}

// Release ends owner's use of layers. Releasing what is not held does nothing.
func (s *Store) Release(owner string) error {
	if !ownerName.MatchString(owner) {
		return fmt.Errorf("release image: invalid owner %q", owner)
	}
	raw, err := os.ReadFile(s.leasePath(owner))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.Remove(s.leasePath(owner))
	}
	if err != nil {
		return fmt.Errorf("release image: %w", err)
	}
	if s.orphaned(raw) {
		s.collect()
	}
	return nil
}

// Owners lists who holds leases.
func (s *Store) Owners() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.root, "leases"))
	if err != nil {
		return nil, fmt.Errorf("list leases: %w", err)
	}
	owners := make([]string, len(entries))
	for i, e := range entries {
		owners[i] = e.Name()
	}
	return owners, nil
}

// orphaned reports whether a lease that ended held a layer which no image has.
func (s *Store) orphaned(lease []byte) bool {
	var ids []v1.Hash
	if json.Unmarshal(lease, &ids) != nil {
		return true
	}
	images, err := s.List()
	if err != nil {
		return false
	}
	have := map[v1.Hash]bool{}
	for _, img := range images {
		for _, id := range img.DiffIDs {
			have[id] = true
		}
	}
	for _, id := range ids {
		if !have[id] {
			return true
		}
	}
	return false
}

func (s *Store) leasePath(owner string) string { return filepath.Join(s.root, "leases", owner) }

// leasedLayers adds the names of all leased layers to the set.
func (s *Store) leasedLayers(set map[string]bool) error {
	owners, err := s.Owners()
	if err != nil {
		return err
	}
	for _, owner := range owners {
		raw, err := os.ReadFile(s.leasePath(owner))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		var ids []v1.Hash
		if err := json.Unmarshal(raw, &ids); err != nil {
			return fmt.Errorf("lease %s: %w: %w", owner, ErrCorrupt, err)
		}
		for _, id := range ids {
			set[layerName(id)] = true
		}
	}
	return nil
}
