package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxDocument bounds manifests and configurations, in bytes. Registries accept
// no manifest over 4 MiB.
const maxDocument = 8 << 20

func (s *Store) blobPath(h v1.Hash) string {
	return filepath.Join(s.root, "blobs", h.Algorithm, h.Hex)
}

// writeImage stores an image's blobs, the manifest last, so that a manifest in
// the store always finds what it names.
func (s *Store) writeImage(ctx context.Context, img v1.Image) (v1.Hash, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return v1.Hash{}, err
	}
	if n := len(manifest.Layers); n > s.opts.Limits.Layers {
		return v1.Hash{}, fmt.Errorf("%w: %d layers, at most %d", ErrRefused, n, s.opts.Limits.Layers)
	}
	layers, err := img.Layers()
	if err != nil {
		return v1.Hash{}, err
	}
	for i, l := range layers {
		if err := s.writeBlob(ctx, manifest.Layers[i].Digest, manifest.Layers[i].Size, l.Compressed); err != nil {
			return v1.Hash{}, fmt.Errorf("layer %d: %w", i, err)
		}
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return v1.Hash{}, err
	}
	if err := s.writeDocument(ctx, manifest.Config.Digest, config); err != nil {
		return v1.Hash{}, fmt.Errorf("config: %w", err)
	}
	raw, err := img.RawManifest()
	if err != nil {
		return v1.Hash{}, err
	}
	digest, err := img.Digest()
	if err != nil {
		return v1.Hash{}, err
	}
	return digest, s.writeDocument(ctx, digest, raw)
}

func (s *Store) writeDocument(ctx context.Context, h v1.Hash, raw []byte) error {
	if len(raw) > maxDocument {
		return fmt.Errorf("%w: a document of %d bytes, at most %d", ErrRefused, len(raw), maxDocument)
	}
	return s.writeBlob(ctx, h, int64(len(raw)), func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(raw)), nil
	})
}

// writeBlob stores what open reads, unless it is there, and fails if it does not
// have the digest and the size that were promised.
func (s *Store) writeBlob(ctx context.Context, h v1.Hash, size int64, open func() (io.ReadCloser, error)) error {
	if h.Algorithm != "sha256" {
		return fmt.Errorf("%w: digest %s: only sha256 is known", ErrRefused, h)
	}
	if info, err := os.Stat(s.blobPath(h)); err == nil && info.Size() == size {
		return nil
	}
	src, err := open()
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // only read from

	tmp, err := os.CreateTemp(filepath.Join(s.root, "blobs"), "tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // gone already when all went well

	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(tmp, sum), io.LimitReader(ctxReader{ctx, src}, size+1))
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("write blob %s: %w", h, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != size || got != h.Hex {
		return fmt.Errorf("blob %s of %d bytes: %w: got sha256:%s, %d bytes", h, size, ErrCorrupt, got, n)
	}
	return os.Rename(tmp.Name(), s.blobPath(h))
}

// ctxReader is a reader that ends when its context does.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// A storedImage reads an image from the store's blobs. go-containerregistry makes
// the rest of a v1.Image out of these four methods.
type storedImage struct {
	store    *Store
	raw      []byte
	manifest v1.Manifest
}

var _ partial.CompressedImageCore = (*storedImage)(nil)

func newStoredImage(s *Store, raw []byte) (v1.Image, error) {
	img := &storedImage{store: s, raw: raw}
	if err := json.Unmarshal(raw, &img.manifest); err != nil {
		return nil, err
	}
	return partial.CompressedToImage(img)
}

func (i *storedImage) MediaType() (types.MediaType, error) { return i.manifest.MediaType, nil }
func (i *storedImage) RawManifest() ([]byte, error)        { return i.raw, nil }

func (i *storedImage) RawConfigFile() ([]byte, error) {
	return os.ReadFile(i.store.blobPath(i.manifest.Config.Digest))
}

func (i *storedImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, l := range append([]v1.Descriptor{i.manifest.Config}, i.manifest.Layers...) {
		if l.Digest == h {
			return storedLayer{i.store, l}, nil
		}
	}
	return nil, fmt.Errorf("no layer %s in this image", h)
}

type storedLayer struct {
	store *Store
	desc  v1.Descriptor
}

func (l storedLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l storedLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l storedLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l storedLayer) Compressed() (io.ReadCloser, error) {
	return os.Open(l.store.blobPath(l.desc.Digest))
}
func (l storedLayer) Descriptor() (*v1.Descriptor, error) { return &l.desc, nil }
