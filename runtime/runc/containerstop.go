//go:build linux

package runc

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/bundle"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// stopSignal is the signal that asks a container to end: the request's, else the
// image's, else SIGTERM.
func stopSignal(asked cri.Signal, image string) (int, error) {
	name := image
	if asked != cri.Signal_SIGNAL_RUNTIME_DEFAULT {
		name = strings.TrimPrefix(asked.String(), "SIGNAL_")
	}
	if name == "" {
		return int(unix.SIGTERM), nil
	}
	return parseSignal(name)
}

// parseSignal reads "SIGTERM", "term", "15", "SIGRTMIN+3" or "SIGRTMAXMINUS1",
// as images and CRI write them.
func parseSignal(name string) (int, error) {
	var number int
	if n, err := fmt.Sscanf(name, "%d", &number); n == 1 && err == nil && number > 0 && number <= 64 {
		return number, nil
	}
	upper := strings.ToUpper(name)
	if !strings.HasPrefix(upper, "SIG") {
		upper = "SIG" + upper
	}
	if sig := unix.SignalNum(upper); sig != 0 {
		return int(sig), nil
	}
	upper = strings.NewReplacer("PLUS", "+", "MINUS", "-").Replace(upper)
	offset := 0
	switch {
	case upper == "SIGRTMIN":
		return 34, nil
	case upper == "SIGRTMAX":
		return 64, nil
	case scan(upper, "SIGRTMIN+%d", &offset) && offset <= 15:
		return 34 + offset, nil
	case scan(upper, "SIGRTMAX-%d", &offset) && offset <= 14:
		return 64 - offset, nil
	}
	return 0, fmt.Errorf("%w: stop signal %q", bundle.ErrInvalid, name)
}

func scan(s, format string, n *int) bool {
	got, err := fmt.Sscanf(s, format, n)
	return err == nil && got == 1
}

// StopContainer implements cri.RuntimeServiceServer.
func (r *Runtime) StopContainer(ctx context.Context, req *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	c := r.container(req.GetContainerId())
	if c == nil {
		return &cri.StopContainerResponse{}, nil
	}
	grace := time.Duration(max(req.GetTimeout(), 0)) * time.Second
	if err := r.stop(ctx, c, grace); err != nil {
		return nil, toStatus(fmt.Errorf("stop container %s: %w", c.config.GetMetadata().GetName(), err))
	}
	return &cri.StopContainerResponse{}, nil
}

// killTime is how long a killed process may take to be gone.
const killTime = 30 * time.Second

// stop asks the container to end, gives it the grace, and kills it. It takes no
// lock, so that an impatient caller can overtake a patient one.
func (r *Runtime) stop(ctx context.Context, c *container, grace time.Duration) error {
	if r.state(c) != cri.ContainerState_CONTAINER_RUNNING {
		return nil
	}
	if grace > 0 {
		if err := r.signal(ctx, c, syscall.Signal(c.StopSignal)); err != nil {
			return err
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-c.ended:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
	if err := r.signal(ctx, c, syscall.SIGKILL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, killTime)
	defer cancel()
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("killed, but not gone: %w", ctx.Err())
	}
}

// signal sends a signal through the shim, which knows that the process is still
// the container's. Without a shim the watcher ends the container by itself.
func (r *Runtime) signal(ctx context.Context, c *container, sig syscall.Signal) error {
	err := shim.Signal(ctx, r.cfg.containerState(c.ID), sig)
	if err == nil || ctx.Err() != nil {
		return err
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-c.ended:
		return nil
	case <-timer.C:
		return err
	}
}

// RemoveContainer implements cri.RuntimeServiceServer. A container that still runs
// is killed.
func (r *Runtime) RemoveContainer(ctx context.Context, req *cri.RemoveContainerRequest) (*cri.RemoveContainerResponse, error) {
	c := r.container(req.GetContainerId())
	if c == nil {
		return &cri.RemoveContainerResponse{}, nil
	}
	if err := r.remove(ctx, c); err != nil {
		return nil, toStatus(fmt.Errorf("remove container %s: %w", c.config.GetMetadata().GetName(), err))
	}
	return &cri.RemoveContainerResponse{}, nil
}

func (r *Runtime) remove(ctx context.Context, c *container) error {
	c.op.Lock()
	defer c.op.Unlock()
	if r.container(c.ID) == nil {
		return nil // somebody else was faster
	}
	if err := r.stop(ctx, c, 0); err != nil {
		return err
	}
	if r.state(c) != cri.ContainerState_CONTAINER_CREATED {
		select {
		case <-c.buried:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := r.discardContainer(c); err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.containers, c.ID)
	r.mu.Unlock()
	r.forgetName(containerKey(c.Sandbox, c.config.GetMetadata()), c.ID)
	r.samples.forget(c.ID)
	r.emit(c.Sandbox, c.ID, cri.ContainerEventType_CONTAINER_DELETED_EVENT)
	return nil
}

// discardContainer removes all that a container has on this machine but its log,
// which is the kubelet's.
func (r *Runtime) discardContainer(c *container) error {
	return errors.Join(
		r.deleteRunc(c),
		r.sweepCgroup(c.Cgroup),
		removeState(r.cfg.containerState(c.ID)),
		removeState(r.cfg.containerDir(c.ID)),
		r.releaseImages(c.ID),
	)
}

// releaseImages ends the container's leases of images: its own, and those of the
// images it mounted.
func (r *Runtime) releaseImages(id string) error {
	owners, err := r.images.Owners()
	for _, owner := range owners {
		if owner == id || strings.HasPrefix(owner, id+"-") {
			err = errors.Join(err, r.images.Release(owner))
		}
	}
	return err
}

// upperDir is where a container's own files are.
func (r *Runtime) upperDir(id string) string { return filepath.Join(r.cfg.containerDir(id), "upper") }
