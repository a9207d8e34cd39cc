//go:build linux

package runc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/coracle-k8s/coracle/runtime"
	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/bundle"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/cgroup"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A Runtime runs pod sandboxes and containers with runc. It implements
// [runtime.Runtime] and is safe for concurrent use.
//
// What it knows is on disk as well as in memory, so that a new Runtime on the same
// directories goes on where one ended. Only one may be open on them at a time.
type Runtime struct {
	cri.UnimplementedRuntimeServiceServer
	*image.Service

	cfg     Config
	images  *image.Store
	logger  *slog.Logger
	cgroups cgroup.Layout
	host    bundle.Host
	version string
	release func() // gives the directories free
	samples samples
	events  events

	// Each running container has a watcher, a goroutine that waits for its shim's
	// word. Close ends them.
	ctx      context.Context
	cancel   context.CancelFunc
	watchers sync.WaitGroup

	mu         sync.Mutex // guards the maps and the changing fields of what is in them
	sandboxes  map[string]*sandbox
	containers map[string]*container
	names      map[string]string // what is reserved, see reserve.go, and by which id
}

var _ runtime.Runtime = (*Runtime)(nil)

// ShimMain has to be called first thing in the main function (or TestMain) of
// every program that opens a [Runtime]. Each container has a small process beside
// it that keeps its output and its exit code, and that process is the same program
// started again under another name; ShimMain turns it into that and does not
// return. In any other process it does nothing.
func ShimMain() { shim.Main() }

// New opens the runtime in cfg.Root. It finds what an earlier one left there:
// containers that still run are watched again, and how others ended is read from
// their shims' notes.
func New(cfg Config) (*Runtime, error) {
	r, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("open runc runtime: %w", err)
	}
	if err := r.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("open runc runtime in %s: %w", cfg.Root, err), r.Close())
	}
	return r, nil
}

func open(cfg Config) (*Runtime, error) {
	if shim.Running() {
		return nil, errors.New("this process was started as a shim: main has to call runc.ShimMain first")
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("root is needed to make namespaces, mounts and cgroups")
	}
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	release, err := lockDir(cfg.Root)
	if err != nil {
		return nil, err
	}
	r := &Runtime{
		Service: image.NewService(cfg.Images, cfg.containersDir()),
		cfg:     cfg, images: cfg.Images, logger: cfg.Logger, release: release,
		sandboxes: map[string]*sandbox{}, containers: map[string]*container{}, names: map[string]string{},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.events.stopped = r.ctx.Done()
	if r.cgroups, err = cgroup.Detect(); err == nil {
		err = r.inspectHost()
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// complete checks a configuration, fills in its defaults and makes its directories.
func (c Config) complete() (Config, error) {
	c, err := c.withDefaults()
	if err != nil {
		return c, err
	}
	if c.Images == nil {
		return c, errors.New("no image store")
	}
	if c.RuncPath == "" {
		if c.RuncPath, err = Find(); err != nil {
			return c, err
		}
	}
	// Shims run elsewhere than here.
	if c.RuncPath, err = filepath.Abs(c.RuncPath); err != nil {
		return c, err
	}
	for _, dir := range []string{c.sandboxesDir(), c.containersDir(), c.State} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return c, err
		}
	}
	return c, nil
}

// withDefaults fills in what [Purge] needs too.
func (c Config) withDefaults() (Config, error) {
	if c.Root == "" {
		return c, errors.New("no root directory")
	}
	if c.State == "" {
		c.State = filepath.Join(c.Root, "state")
	}
	for _, dir := range []*string{&c.Root, &c.State} {
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return c, err
		}
		if abs == "/" || strings.ContainsAny(abs, `,:\`) {
			return c, fmt.Errorf(`directory %q: it must not be the root directory nor contain "," ":" or "\", which mean something to overlayfs`, abs)
		}
		*dir = abs
	}
	if c.CgroupParent == "" {
		c.CgroupParent = "/coracle"
	}
	c.CgroupParent = filepath.Join("/", c.CgroupParent)
	if c.CgroupParent == "/" {
		return c, errors.New("the cgroup parent must not be the root cgroup")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func (c Config) sandboxesDir() string            { return filepath.Join(c.Root, "sandboxes") }
func (c Config) containersDir() string           { return filepath.Join(c.Root, "containers") }
func (c Config) sandboxDir(id string) string     { return filepath.Join(c.sandboxesDir(), id) }
func (c Config) containerDir(id string) string   { return filepath.Join(c.containersDir(), id) }
func (c Config) sandboxState(id string) string   { return filepath.Join(c.State, "sandboxes", id) }
func (c Config) containerState(id string) string { return filepath.Join(c.State, "containers", id) }
func (c Config) runcRoot() string                { return filepath.Join(c.State, "runc") }

// inspectHost finds out what the machine and its runc can do.
func (r *Runtime) inspectHost() error {
	raw, err := exec.Command(r.cfg.RuncPath, "features").Output()
	if err != nil {
		return fmt.Errorf("%s features: %w", r.cfg.RuncPath, err)
	}
	var features struct {
		OCIVersionMax string
		Annotations   map[string]string
		Linux         struct{ Seccomp, Apparmor struct{ Enabled bool } }
	}
	if err := json.Unmarshal(raw, &features); err != nil {
		return fmt.Errorf("%s features: %w", r.cfg.RuncPath, err)
	}
	r.version = features.Annotations["org.opencontainers.runc.version"]
	if r.version == "" {
		r.version = "oci-" + features.OCIVersionMax
	}
	_, noApparmor := os.Stat("/sys/kernel/security/apparmor")
	_, noSELinux := os.Stat("/sys/fs/selinux/enforce")
	r.host = bundle.Host{
		CgroupV2: r.cgroups.V2, Seccomp: features.Linux.Seccomp.Enabled,
		AppArmor: features.Linux.Apparmor.Enabled && noApparmor == nil, SELinux: noSELinux == nil,
	}
	return nil
}

// Close ends what the runtime does in this process. Containers go on.
func (r *Runtime) Close() error {
	r.cancel()
	r.watchers.Wait()
	r.release()
	return nil
}
