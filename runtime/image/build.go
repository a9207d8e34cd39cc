package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A GoBuild says how to make an image of a Go program.
type GoBuild struct {
	// Package is the main package, in the form that go build takes: a directory
	// ("./examples/demo/app") or an import path. Required.
	Package string
	// Dir is the directory in which go build runs; empty means the current one.
	Dir string
	// Vars are set at link time (-ldflags -X): "main.version" to "v1", say.
	Vars map[string]string
	// Args are the default arguments of the program.
	Args []string
	// Env are environment variables, "NAME=value".
	Env []string
	// Labels of the image.
	Labels map[string]string
	// User runs the program: a name of the image's /etc/passwd (root, nonroot,
	// nobody) or "uid:gid". Empty means root.
	User string
	// Ports are exposed ports, "8080/tcp". They are information only.
	Ports []string
	// StopSignal ends the program, "SIGINT"; empty means SIGTERM.
	StopSignal string
	// Arch is the processor to build for, in Go's words; empty means this one.
	Arch string
}

// BuildGo compiles a Go program statically and packs it into an image of two
// layers: the few files that a program expects of a system (accounts, /tmp, the
// certificates of this machine if it has any), and the program as
// /app/<its name>. The same sources and the same toolchain give the same layers,
// byte for byte: all files are of 1970.
//
// It needs the Go toolchain on the path. The layers are not compressed, which
// makes them quick to build and to unpack on the machine they were built on.
func BuildGo(ctx context.Context, b GoBuild) (v1.Image, error) {
	dir, err := os.MkdirTemp("", "coracle-build-*")
	if err != nil {
		return nil, fmt.Errorf("build image of %s: %w", b.Package, err)
	}
	img, err := b.build(ctx, dir)
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		return nil, fmt.Errorf("build image of %s: %w", b.Package, err)
	}
	return img, nil
}

func (b GoBuild) build(ctx context.Context, dir string) (v1.Image, error) {
	if b.Arch == "" {
		b.Arch = runtime.GOARCH
	}
	binary, err := b.compile(ctx, dir)
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	target := "/app/" + path.Base(filepath.ToSlash(binary))
	base, err := Layer(baseFiles())
	if err != nil {
		return nil, err
	}
	app, err := Layer([]File{{Name: "/app", Mode: fs.ModeDir | 0o755}, {Name: target, Mode: 0o755, Data: program}})
	if err != nil {
		return nil, err
	}
	return b.assemble(target, base, app)
}

// compile runs go build and returns the program's path, which keeps the name
// that go build gave it.
func (b GoBuild) compile(ctx context.Context, dir string) (string, error) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("the Go toolchain is needed: %w", err)
	}
	cmd := exec.CommandContext(ctx, goTool, "build", "-trimpath", "-buildvcs=false",
		"-ldflags", b.ldflags(), "-o", dir+string(filepath.Separator), "--", b.Package)
	cmd.Dir = b.Dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+b.Arch, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) != 1 {
		return "", fmt.Errorf("%s is not one main package: go build made %d files", b.Package, len(entries))
	}
	return filepath.Join(dir, entries[0].Name()), nil
}

func (b GoBuild) ldflags() string {
	flags := []string{"-s", "-w"}
	for _, name := range sortedKeys(b.Vars) {
		flags = append(flags, fmt.Sprintf("-X '%s=%s'", name, b.Vars[name]))
	}
	return strings.Join(flags, " ")
}

func (b GoBuild) assemble(entrypoint string, layers ...v1.Layer) (v1.Image, error) {
	base := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	base = mutate.ConfigMediaType(base, types.OCIConfigJSON)
	img, err := mutate.AppendLayers(base, layers...)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", b.Arch
	file.Config = v1.Config{
		Entrypoint: []string{entrypoint}, Cmd: b.Args, User: b.User, Labels: b.Labels,
		Env:        append([]string{"PATH=/app:/usr/local/bin:/usr/bin:/bin"}, b.Env...),
		WorkingDir: "/", StopSignal: b.StopSignal,
	}
	for _, p := range b.Ports {
		if file.Config.ExposedPorts == nil {
			file.Config.ExposedPorts = map[string]struct{}{}
		}
		file.Config.ExposedPorts[p] = struct{}{}
	}
	return mutate.ConfigFile(img, file)
}

// certificates are where Linux distributions keep their bundle of trusted roots.
var certificates = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
}

// baseFiles are what a static program expects to find around it.
func baseFiles() []File {
	files := []File{
		{Name: "/etc", Mode: fs.ModeDir | 0o755},
		{Name: "/etc/passwd", Mode: 0o644, Data: []byte("root:x:0:0:root:/root:/sbin/nologin\n" +
			"nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n" +
			"nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n")},
		{Name: "/etc/group", Mode: 0o644, Data: []byte("root:x:0:\nnonroot:x:65532:\nnogroup:x:65534:\n")},
		{Name: "/etc/nsswitch.conf", Mode: 0o644, Data: []byte("hosts: files dns\n")},
		{Name: "/home", Mode: fs.ModeDir | 0o755},
		{Name: "/home/nonroot", Mode: fs.ModeDir | 0o700, UID: 65532, GID: 65532},
		{Name: "/root", Mode: fs.ModeDir | 0o700},
		{Name: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
	}
	for _, path := range certificates {
		if data, err := os.ReadFile(path); err == nil {
			return append(files,
				File{Name: "/etc/ssl", Mode: fs.ModeDir | 0o755},
				File{Name: "/etc/ssl/certs", Mode: fs.ModeDir | 0o755},
				File{Name: "/etc/ssl/certs/ca-certificates.crt", Mode: 0o644, Data: data})
		}
	}
	return files
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
