package image

import (
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ErrNotFound is returned for a name or an ID that no image in the store has.
var ErrNotFound = errors.New("image not found")

// ErrInvalidName is returned for what is not an image name.
var ErrInvalidName = errors.New("invalid image name")

// ErrCorrupt is returned when what is stored is not what it says it is: a blob
// with other bytes than its digest, a layer without its diff ID, an index that
// does not parse.
var ErrCorrupt = errors.New("corrupt image data")

// ErrRefused is returned for an image that asks for something we do not do:
// an archive entry outside its directory, more bytes than the limits allow, or
// plain HTTP to a host that was not named.
var ErrRefused = errors.New("refused")

// An Image is one image in a store. It is a value: changing it changes nothing
// in the store, and it stays true after the image is removed.
type Image struct {
	// ID is the digest of the image's configuration, "sha256:…". It is what CRI
	// calls the image's ID and stays the same under all the image's names.
	ID string
	// Manifest is the digest of the manifest that is stored.
	Manifest v1.Hash
	// Tags are the full names of the image with their tags, sorted.
	Tags []string
	// Digests are the names under which registries know it, repo@sha256:…, sorted.
	Digests []string
	// Size is the number of bytes of the configuration and the layers as stored
	// (usually compressed).
	Size int64
	// Created is the time in the image's configuration, zero if it has none.
	Created time.Time
	// Config says how to run the image.
	Config v1.Config
	// DiffIDs are the digests of the uncompressed layers, lowest first.
	DiffIDs []v1.Hash
	// OS and Architecture are what the image runs on, in Go's words.
	OS, Architecture string
}

// describe reads the parts of an image that an [Image] is made of, names
// excepted. The digest is checked against the manifest by the caller.
func describe(digest v1.Hash, img v1.Image) (Image, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return Image{}, fmt.Errorf("read manifest %s: %w: %w", digest, ErrCorrupt, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return Image{}, fmt.Errorf("read config of %s: %w: %w", digest, ErrCorrupt, err)
	}
	if len(config.RootFS.DiffIDs) != len(manifest.Layers) {
		return Image{}, fmt.Errorf("image %s: %w: %d layers but %d diff ids",
			digest, ErrCorrupt, len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	size := manifest.Config.Size
	for _, l := range manifest.Layers {
		size += l.Size
	}
	return Image{
		ID: manifest.Config.Digest.String(), Manifest: digest, Size: size,
		Created: config.Created.Time, Config: config.Config, DiffIDs: config.RootFS.DiffIDs,
		OS: config.OS, Architecture: config.Architecture,
	}, nil
}
