package goroutine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Program is what a container runs: a function in place of a binary. It
// returns the exit code.
//
// ctx ends when the container is killed (SIGKILL, a removed pod, the end of the
// runtime); a program must return then, and whatever it does later is cut off
// from its output and network. A stop begins more gently: SIGTERM arrives on
// p.Signals and p.Stopping is closed, and the grace period begins. A panic is
// exit code 2, with the stack in the container's log.
type Program func(ctx context.Context, p *Process) int

// An Image is what a registry offers under a name.
type Image struct {
	// Program is the container's first process. Nil: Config.Fallback.
	Program Program
	// Exec are the commands that exec runs in a container of this image, by the
	// first word, before [Config.Exec] is asked.
	Exec map[string]Program
	// Env is the environment, "KEY=value", that the pod's env is added to.
	Env []string
	// Entrypoint and Cmd are the arguments of a container that names none, with
	// the meaning of the same fields of an OCI image.
	Entrypoint, Cmd []string
	// WorkingDir is the working directory of a container that names none.
	WorkingDir string
	// Size is the size in bytes that ListImages tells.
	Size uint64
	// PullTime is how long a pull takes.
	PullTime time.Duration
}

// A Registry is where the nodes of a cluster pull images from. It is safe for
// concurrent use; images may be added while a cluster runs.
type Registry struct {
	mu     sync.Mutex // guards images
	images map[string]Image
}

// NewRegistry returns a registry that offers images, a map from names such as
// "web:v1" ("web" means "web:latest").
func NewRegistry(images map[string]Image) *Registry {
	r := &Registry{images: map[string]Image{}}
	for name, image := range images {
		r.Add(name, image)
	}
	return r
}

// Programs returns a registry of images that are a program and nothing more.
func Programs(programs map[string]Program) *Registry {
	r := NewRegistry(nil)
	for name, program := range programs {
		r.Add(name, Image{Program: program})
	}
	return r
}

// Add offers an image, in place of an earlier one of that name. Nodes that have
// pulled the earlier one keep it.
func (r *Registry) Add(name string, image Image) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.images[canonicalName(name)] = image
}

// Names lists what the registry offers, sorted.
func (r *Registry) Names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.images))
}

func (r *Registry) lookup(name string) (Image, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	image, ok := r.images[name]
	return image, ok
}

// canonicalName adds the tag "latest" to a name without tag or digest.
func canonicalName(name string) string {
	last := name[strings.LastIndexByte(name, '/')+1:]
	if name == "" || strings.ContainsAny(last, ":@") {
		return name
	}
	return name + ":latest"
}

// repository is an image's name without tag and digest.
func repository(name string) string {
	name, _, _ = strings.Cut(name, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i]
	}
	return name
}

// imageID stands in for the digest of an image's configuration: two names are
// two images.
func imageID(name string) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(name)))
}
