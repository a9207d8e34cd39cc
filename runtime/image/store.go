package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Options change how a [Store] works. The zero value is ready to use.
type Options struct {
	// PlainHTTP are registry hosts ("registry.lan:5000") that are spoken to without
	// TLS. The loopback address needs no entry.
	PlainHTTP []string
	// Transport carries requests to registries; nil means one of our own with the
	// usual time limits and proxy settings.
	Transport http.RoundTripper
	// Limits bound what an image may take.
	Limits Limits
	// Logger hears what is noteworthy; nil means nobody.
	Logger *slog.Logger
}

// Limits bound what one image may take. A zero field means its default.
type Limits struct {
	// LayerBytes is the size of the files of one unpacked layer: 16 GiB.
	LayerBytes int64
	// LayerEntries is the number of entries in one layer: 1,000,000.
	LayerEntries int
	// Layers is the number of layers: 127, as in docker.
	Layers int
}

func (l Limits) withDefaults() Limits {
	if l.LayerBytes == 0 {
		l.LayerBytes = 16 << 30
	}
	if l.LayerEntries == 0 {
		l.LayerEntries = 1_000_000
	}
	if l.Layers == 0 {
		l.Layers = 127
	}
	return l
}

// A Store is a directory of images. It is safe for concurrent use, also by
// several processes on the same directory.
type Store struct {
	root   string
	opts   Options
	logger *slog.Logger

	mu    sync.Mutex              // guards the fields below
	known map[v1.Hash]Image       // images by manifest digest, without names: content never changes
	busy  map[v1.Hash]*sync.Mutex // one lock for each layer that is being unpacked
}

// Open opens the store in the directory root, which is made if need be. The
// directory is for the owner's eyes alone, since images may hold set-user-ID
// programs.
func Open(root string, opts Options) (*Store, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open image store: %w", err)
	}
	for _, d := range []string{root, filepath.Join(root, "blobs", "sha256"), filepath.Join(root, "layers"), filepath.Join(root, "leases")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("open image store: %w", err)
		}
	}
	opts.Limits = opts.Limits.withDefaults()
	s := &Store{root: root, opts: opts, logger: opts.Logger, known: map[v1.Hash]Image{}, busy: map[v1.Hash]*sync.Mutex{}}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if err := s.initLayout(); err != nil {
		return nil, fmt.Errorf("open image store %s: %w", root, err)
	}
	return s, nil
}

// initLayout writes the two files of an empty OCI image layout, or checks that
// those which are there can be read.
func (s *Store) initLayout() error {
	unlock, err := s.lockIndex()
	if err != nil {
		return err
	}
	defer unlock()

	marker := filepath.Join(s.root, "oci-layout")
	if _, err := os.Stat(marker); errors.Is(err, fs.ErrNotExist) {
		if err := writeFile(marker, []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
			return err
		}
	}
	if _, err := os.Stat(s.indexPath()); errors.Is(err, fs.ErrNotExist) {
		return s.writeIndex(emptyIndex())
	}
	_, err = s.readIndex()
	return err
}

// Root returns the directory of the store.
func (s *Store) Root() string { return s.root }

// Get returns the image that ref names: a name with or without registry and tag,
// a name with a digest, or an image ID. An unknown image gives [ErrNotFound].
func (s *Store) Get(ref string) (Image, error) {
	images, err := s.List()
	if err != nil {
		return Image{}, err
	}
	i, err := find(images, ref)
	if err != nil {
		return Image{}, fmt.Errorf("get image %q: %w", ref, err)
	}
	return images[i], nil
}

func find(images []Image, ref string) (int, error) {
	var match func(Image) bool
	if id, ok := asID(ref); ok {
		match = func(i Image) bool { return i.ID == id || i.Manifest.String() == id }
	} else {
		full, err := Normalize(ref)
		if err != nil {
			return 0, err
		}
		match = func(i Image) bool { return slices.Contains(i.Tags, full) || slices.Contains(i.Digests, full) }
	}
	if n := slices.IndexFunc(images, match); n >= 0 {
		return n, nil
	}
	return 0, ErrNotFound
}

// List returns all images, ordered by ID. An image under several names is
// listed once.
func (s *Store) List() ([]Image, error) {
	index, err := s.readIndex()
	if err != nil {
		return nil, err
	}
	byID := map[string]*Image{}
	for _, d := range index.Manifests {
		info, err := s.describeStored(d.Digest)
		if err != nil {
			s.logger.Error("an image cannot be read and is left out", "manifest", d.Digest, "error", err)
			continue
		}
		img := byID[info.ID]
		if img == nil {
			img = &info
			byID[info.ID] = img
		}
		addNames(img, d)
	}
	images := make([]Image, 0, len(byID))
	for _, img := range byID {
		slices.Sort(img.Tags)
		slices.Sort(img.Digests)
		images = append(images, *img)
	}
	slices.SortFunc(images, func(a, b Image) int { return strings.Compare(a.ID, b.ID) })
	return images, nil
}

// describeStored reads an image's description from the disk, once.
func (s *Store) describeStored(digest v1.Hash) (Image, error) {
	s.mu.Lock()
	info, ok := s.known[digest]
	s.mu.Unlock()
	if ok {
		return info, nil
	}
	img, err := s.open(digest)
	if err != nil {
		return Image{}, err
	}
	info, err = describe(digest, img)
	if err != nil {
		return Image{}, err
	}
	s.mu.Lock()
	s.known[digest] = info
	s.mu.Unlock()
	return info, nil
}

// open returns the stored image with the given manifest digest.
func (s *Store) open(digest v1.Hash) (v1.Image, error) {
	raw, err := os.ReadFile(s.blobPath(digest))
	if err != nil {
		return nil, fmt.Errorf("open image %s: %w: %w", digest, ErrCorrupt, err)
	}
	img, err := newStoredImage(s, raw)
	if err != nil {
		return nil, fmt.Errorf("open image %s: %w: %w", digest, ErrCorrupt, err)
	}
	return img, nil
}

// Add stores an image under the given names, which move from the images that had
// them. Blobs that are there already are not written again.
func (s *Store) Add(ctx context.Context, img v1.Image, refs ...string) (Image, error) {
	return s.add(ctx, img, refs, "")
}

func (s *Store) add(ctx context.Context, img v1.Image, refs []string, pulled string) (Image, error) {
	names := make([]string, len(refs))
	for i, ref := range refs {
		full, err := Normalize(ref)
		if err != nil {
			return Image{}, fmt.Errorf("add image: %w", err)
		}
		names[i] = full
	}
	// From here to the new index nobody may collect blobs that no name leads to yet.
	done, err := s.beginUse()
	if err != nil {
		return Image{}, fmt.Errorf("add image %v: %w", refs, err)
	}
	defer done()
	digest, err := s.writeImage(ctx, img)
	if err != nil {
		return Image{}, fmt.Errorf("add image %v: %w", refs, err)
	}
	info, err := s.describeStored(digest)
	if err != nil {
		return Image{}, err
	}
	if err := s.setNames(digest, names, pulled); err != nil {
		return Image{}, fmt.Errorf("add image %v: %w", refs, err)
	}
	return s.Get(info.ID)
}
