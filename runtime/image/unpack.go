package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// layerName is the name of a layer's directory: half of the diff ID's digits.
// 128 bits tell layers apart, and short names let many of them fit into the one
// page of options that mount(2) takes.
func layerName(diffID v1.Hash) string {
	if len(diffID.Hex) < 32 {
		return diffID.Hex
	}
	return diffID.Hex[:32]
}

// Unpack makes sure that each layer of the image that ref names is unpacked, and
// returns their directories, lowest first. Without a lease ([Store.Use]) they go
// when the image is removed.
func (s *Store) Unpack(ctx context.Context, ref string) ([]string, error) {
	done, err := s.beginUse()
	if err != nil {
		return nil, fmt.Errorf("unpack image %q: %w", ref, err)
	}
	defer done()
	img, err := s.Get(ref)
	if err != nil {
		return nil, err
	}
	return s.unpack(ctx, img)
}

func (s *Store) unpack(ctx context.Context, img Image) ([]string, error) {
	dirs := make([]string, len(img.DiffIDs))
	for i, id := range img.DiffIDs {
		dirs[i] = filepath.Join(s.root, "layers", layerName(id))
		if err := s.unpackOnce(ctx, img, i, dirs[i]); err != nil {
			return nil, fmt.Errorf("unpack layer %d of image %s: %w", i, img.ID, err)
		}
	}
	return dirs, nil
}

// unpackOnce unpacks one layer into a directory that appears when it is complete.
// In this process one caller works and the others wait; another process that did
// the same work first wins, and ours is thrown away.
func (s *Store) unpackOnce(ctx context.Context, img Image, i int, dir string) error {
	if isDir(dir) {
		return nil
	}
	lock := s.layerLock(img.DiffIDs[i])
	lock.Lock()
	defer lock.Unlock()
	if isDir(dir) {
		return nil
	}
	tmp, err := os.MkdirTemp(filepath.Join(s.root, "layers"), "tmp-*")
	if err != nil {
		return err
	}
	err = s.unpackLayer(ctx, img, i, tmp)
	if err == nil {
		err = os.Rename(tmp, dir)
		if err != nil && isDir(dir) {
			err = nil
		} else if err == nil {
			return nil
		}
	}
	return errors.Join(err, os.RemoveAll(tmp))
}

func (s *Store) layerLock(id v1.Hash) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	lock := s.busy[id]
	if lock == nil {
		lock = new(sync.Mutex)
		s.busy[id] = lock
	}
	return lock
}

func isDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

// unpackLayer extracts layer i into dir and checks that the tar was the promised
// one.
func (s *Store) unpackLayer(ctx context.Context, img Image, i int, dir string) error {
	stored, err := s.open(img.Manifest)
	if err != nil {
		return err
	}
	layers, err := stored.Layers()
	if err != nil {
		return err
	}
	src, err := layers[i].Uncompressed()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: its blob is missing: remove the image and add it again", ErrCorrupt)
	}
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // only read from

	sum := sha256.New()
	tee := io.TeeReader(ctxReader{ctx, src}, sum)
	skipped, err := extract(tar.NewReader(tee), dir, s.opts.Limits)
	if err != nil {
		return err
	}
	// A tar may be padded after its end, up to any length.
	if _, err := io.Copy(io.Discard, io.LimitReader(tee, s.opts.Limits.LayerBytes)); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != img.DiffIDs[i].Hex {
		return fmt.Errorf("%w: diff id sha256:%s, the config says %s", ErrCorrupt, got, img.DiffIDs[i])
	}
	if skipped > 0 {
		s.logger.Info("device nodes of an image were left out", "image", img.ID, "layer", i, "nodes", skipped)
	}
	return os.Chmod(dir, 0o755)
}
