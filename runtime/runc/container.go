//go:build linux

package runc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/bundle"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A container is created, then started once, then it ends.
type container struct {
	containerRecord                              // changing fields are guarded by Runtime.mu
	config          *cri.ContainerConfig         // never changed
	resources       *cri.LinuxContainerResources // the limits now, guarded by Runtime.mu; the value is never changed
	op              sync.Mutex                   // one change at a time: held while the container is started or removed
	saving          sync.Mutex                   // held while the record is written
	ended           chan struct{}                // closed when Ended is set
	buried          chan struct{}                // closed when the shim has tidied up and is gone
}

func newContainer(rec containerRecord, config *cri.ContainerConfig) *container {
	return &container{containerRecord: rec, config: config, resources: config.GetLinux().GetResources(), ended: make(chan struct{}), buried: make(chan struct{})}
}

// CreateContainer implements cri.RuntimeServiceServer. It makes the root
// filesystem and the bundle; runc has nothing to do yet.
func (r *Runtime) CreateContainer(ctx context.Context, req *cri.CreateContainerRequest) (*cri.CreateContainerResponse, error) {
	s := r.sandbox(req.GetPodSandboxId())
	if s == nil {
		return nil, noSandbox(req.GetPodSandboxId())
	}
	s.op.Lock()
	defer s.op.Unlock()
	c, err := r.create(ctx, s, proto.CloneOf(req.GetConfig()))
	if err != nil {
		return nil, toStatus(fmt.Errorf("create container %s: %w", req.GetConfig().GetMetadata().GetName(), err))
	}
	r.emit(s.ID, c.ID, cri.ContainerEventType_CONTAINER_CREATED_EVENT)
	return &cri.CreateContainerResponse{ContainerId: c.ID}, nil
}

func (r *Runtime) create(ctx context.Context, s *sandbox, config *cri.ContainerConfig) (_ *container, err error) {
	if config.GetMetadata().GetName() == "" {
		return nil, fmt.Errorf("%w: no metadata, or no name in it", bundle.ErrInvalid)
	}
	if !r.recordOf(s).Ready {
		return nil, status.Errorf(codes.FailedPrecondition, "pod sandbox %s is not ready", s.ID)
	}
	id, key := newID(), containerKey(s.ID, config.GetMetadata())
	if err := r.reserve(key, id); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.forgetName(key, id)
		}
	}()
	logPath, err := logPathOf(s.config.GetLogDirectory(), config.GetLogPath())
	if err != nil {
		return nil, err
	}
	packed, err := pack(config)
	if err != nil {
		return nil, err
	}
	c := newContainer(containerRecord{
		ID: id, Sandbox: s.ID, Config: packed, Created: time.Now(),
		Cgroup: path.Join(s.Cgroup, id), LogPath: logPath, ImageRef: config.GetImage().GetImage(),
	}, config)
	defer func() {
		if err != nil {
			err = errors.Join(err, r.discardContainer(c))
		}
	}()
	if err := r.makeBundle(ctx, s, c); err != nil {
		return nil, err
	}
	if err := r.saveContainer(c); err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.containers[id] = c
	r.mu.Unlock()
	return c, nil
}

// logPathOf joins the pod's log directory and the container's path in it, which
// must stay inside.
func logPathOf(dir, file string) (string, error) {
	if dir == "" || file == "" {
		return "", nil
	}
	if !filepath.IsLocal(file) {
		return "", fmt.Errorf("%w: log path %q leaves the pod's log directory", bundle.ErrInvalid, file)
	}
	full := filepath.Join(dir, file)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return "", fmt.Errorf("make log directory: %w", err)
	}
	return full, nil
}

// makeBundle mounts the root filesystem and writes config.json.
func (r *Runtime) makeBundle(ctx context.Context, s *sandbox, c *container) error {
	img, layers, err := r.images.Use(ctx, c.ID, c.config.GetImage().GetImage())
	if err != nil {
		return err
	}
	c.ImageID = img.ID
	rootfs, err := r.mountRootfs(c.ID, layers)
	if err != nil {
		return err
	}
	security := c.config.GetLinux().GetSecurityContext()
	if c.User, err = bundle.ResolveUser(rootfs, img.Config.User, security); err != nil {
		return err
	}
	if c.StopSignal, err = stopSignal(c.config.GetStopSignal(), img.Config.StopSignal); err != nil {
		return err
	}
	namespaces, err := r.namespacesFor(s, c)
	if err != nil {
		return err
	}
	mounts, err := r.mountImages(ctx, c)
	if err != nil {
		return err
	}
	spec, err := bundle.Spec(r.bundleInput(s, c, img, rootfs, namespaces, mounts))
	if err != nil {
		return err
	}
	return bundle.Write(r.cfg.containerDir(c.ID), spec)
}

func (r *Runtime) bundleInput(s *sandbox, c *container, img image.Image, rootfs string, ns []specs.LinuxNamespace, mounts map[int]string) bundle.Input {
	in := bundle.Input{
		Container: c.config, Sandbox: s.config, Image: img.Config, User: c.User, Rootfs: rootfs,
		CgroupPath: c.Cgroup, Namespaces: ns, ImageMounts: mounts, PidsLimit: r.cfg.PidsLimit, Host: r.host,
		Hostname:   filepath.Join(r.cfg.sandboxDir(s.ID), "hostname"),
		ResolvConf: filepath.Join(r.cfg.sandboxDir(s.ID), "resolv.conf"),
		Shm:        filepath.Join(r.cfg.sandboxState(s.ID), "shm"),
	}
	if s.hostIPC() {
		in.Shm = "/dev/shm"
	}
	return in
}

// mountRootfs stacks the image's layers and a directory for what the container
// writes.
func (r *Runtime) mountRootfs(id string, layers []string) (string, error) {
	dir := r.cfg.containerDir(id)
	if len(layers) == 0 {
		return "", fmt.Errorf("%w: the image has no layers", bundle.ErrInvalid)
	}
	for _, name := range []string{"rootfs", "upper", "work"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return "", err
		}
	}
	rootfs := filepath.Join(dir, "rootfs")
	return rootfs, mountOverlay(layers, filepath.Join(dir, "upper"), filepath.Join(dir, "work"), rootfs)
}

// mountImages mounts the images that the container wants as volumes, and returns
// their directories by the mount's index.
func (r *Runtime) mountImages(ctx context.Context, c *container) (map[int]string, error) {
	dirs := map[int]string{}
	for i, m := range c.config.GetMounts() {
		ref := m.GetImage().GetImage()
		if ref == "" {
			continue
		}
		_, layers, err := r.images.Use(ctx, imageMountOwner(c.ID, i), ref)
		if err != nil {
			return nil, err
		}
		target := filepath.Join(r.cfg.containerDir(c.ID), "images", fmt.Sprint(i))
		if err := os.MkdirAll(target, 0o700); err != nil {
			return nil, err
		}
		if err := mountOverlay(layers, "", "", target); err != nil {
			return nil, err
		}
		if dirs[i], err = below(target, m.GetImageSubPath()); err != nil {
			return nil, fmt.Errorf("image mount %s: %w", m.GetContainerPath(), err)
		}
	}
	return dirs, nil
}

func imageMountOwner(id string, i int) string { return fmt.Sprintf("%s-%d", id, i) }

// below returns an existing path below dir, links followed inside it.
func below(dir, sub string) (string, error) {
	if sub == "" {
		return dir, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close() //nolint:errcheck // only a directory
	if !filepath.IsLocal(sub) {
		return "", fmt.Errorf("%w: sub path %q", bundle.ErrInvalid, sub)
	}
	real, err := image.ResolveIn(root, sub)
	if err != nil {
		return "", err
	}
	if _, err := root.Stat(real); err != nil {
		return "", fmt.Errorf("%w: sub path %q: %w", bundle.ErrInvalid, sub, err)
	}
	return filepath.Join(dir, real), nil
}

// namespacesFor lists the namespaces that a container shares or gets.
func (r *Runtime) namespacesFor(s *sandbox, c *container) ([]specs.LinuxNamespace, error) {
	ns := []specs.LinuxNamespace{{Type: specs.UTSNamespace, Path: r.nsPath(s.ID, "uts")}}
	if netns := r.netnsPath(s); netns != "" {
		ns = append(ns, specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: netns})
	}
	if !s.hostIPC() {
		ns = append(ns, specs.LinuxNamespace{Type: specs.IPCNamespace, Path: r.nsPath(s.ID, "ipc")})
	}
	options := c.config.GetLinux().GetSecurityContext().GetNamespaceOptions()
	if options == nil {
		options = s.options()
	}
	switch {
	case options == nil, options.GetPid() == cri.NamespaceMode_CONTAINER:
		return append(ns, specs.LinuxNamespace{Type: specs.PIDNamespace}), nil
	case options.GetPid() == cri.NamespaceMode_NODE:
		return ns, nil
	case options.GetPid() == cri.NamespaceMode_TARGET:
		pid, err := r.targetPID(s, options.GetTargetId())
		return append(ns, specs.LinuxNamespace{Type: specs.PIDNamespace, Path: fmt.Sprintf("/proc/%d/ns/pid", pid)}), err
	}
	if !s.sharedPID() {
		return nil, fmt.Errorf("%w: the container wants the pod's process namespace, which the sandbox was not made with", bundle.ErrInvalid)
	}
	return append(ns, specs.LinuxNamespace{Type: specs.PIDNamespace, Path: r.nsPath(s.ID, "pid")}), nil
}

// targetPID is the first process of another container of the same pod.
func (r *Runtime) targetPID(s *sandbox, id string) (int, error) {
	c := r.container(id)
	if c == nil || c.Sandbox != s.ID {
		return 0, fmt.Errorf("%w: no target container %q in this pod", bundle.ErrInvalid, id)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.PID == 0 || c.Ended != nil {
		return 0, status.Errorf(codes.FailedPrecondition, "target container %s does not run", id)
	}
	return c.PID, nil
}

// StartContainer implements cri.RuntimeServiceServer. A container that cannot
// start has ended, with the reason StartError.
func (r *Runtime) StartContainer(_ context.Context, req *cri.StartContainerRequest) (*cri.StartContainerResponse, error) {
	c := r.container(req.GetContainerId())
	if c == nil {
		return nil, noContainer(req.GetContainerId())
	}
	c.op.Lock()
	defer c.op.Unlock()
	if err := r.start(c); err != nil {
		return nil, toStatus(fmt.Errorf("start container %s: %w", c.config.GetMetadata().GetName(), err))
	}
	return &cri.StartContainerResponse{}, nil
}

func (r *Runtime) start(c *container) error {
	if r.container(c.ID) == nil {
		return noContainer(c.ID) // removed meanwhile
	}
	if state := r.state(c); state != cri.ContainerState_CONTAINER_CREATED {
		return status.Errorf(codes.FailedPrecondition, "container %s is %v", c.ID, state)
	}
	if s := r.sandbox(c.Sandbox); s == nil || !r.recordOf(s).Ready {
		return status.Errorf(codes.FailedPrecondition, "pod sandbox %s is not ready", c.Sandbox)
	}
	dir := r.cfg.containerState(c.ID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	started, err := shim.Start(dir, shim.Config{
		ID: c.ID, RuncPath: r.cfg.RuncPath, RuncRoot: r.cfg.runcRoot(), Bundle: r.cfg.containerDir(c.ID),
		LogPath: c.LogPath, Terminal: c.config.GetTty(), Stdin: c.config.GetStdin(), StdinOnce: c.config.GetStdinOnce(),
		OOMFile: r.cgroups.OOMFile(c.Cgroup),
	})
	if err != nil {
		failed := ending{Exit: shim.Exit{Code: 128, Time: time.Now()}, Reason: "StartError", Message: err.Error()}
		return errors.Join(err, r.deleteRunc(c), r.setEnded(c, failed, true))
	}
	r.mu.Lock()
	c.Started, c.PID, c.ShimPID = started.Time, started.PID, started.ShimPID
	r.mu.Unlock()
	if err := r.saveContainer(c); err != nil {
		// It runs all the same, and the shim's own notes are enough to find it again.
		r.logger.Error("the start of a container was not recorded", "container", c.ID, "error", err)
	}
	r.emit(c.Sandbox, c.ID, cri.ContainerEventType_CONTAINER_STARTED_EVENT)
	r.watch(c)
	return nil
}
