//go:build linux

package runc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// StopPodSandbox implements cri.RuntimeServiceServer. Containers that still run
// are killed.
func (r *Runtime) StopPodSandbox(ctx context.Context, req *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	if s := r.sandbox(req.GetPodSandboxId()); s != nil {
		s.op.Lock()
		defer s.op.Unlock()
		if err := r.stopSandbox(ctx, s); err != nil {
			return nil, toStatus(fmt.Errorf("stop pod sandbox %s: %w", s.ID, err))
		}
	}
	return &cri.StopPodSandboxResponse{}, nil
}

func (r *Runtime) stopSandbox(ctx context.Context, s *sandbox) error {
	r.mu.Lock()
	wasReady := s.Ready
	s.Ready = false // from here on nothing starts in it
	r.mu.Unlock()
	for _, c := range r.containersOf(s.ID) {
		c.op.Lock() // a start that had begun comes to its end first
		//lint:ignore SA2001 there is nothing to do under the lock
		c.op.Unlock()
		if err := r.stop(ctx, c, 0); err != nil {
			return err
		}
	}
	if err := r.tearDown(ctx, s); err != nil {
		return err
	}
	if wasReady {
		r.emit(s.ID, s.ID, cri.ContainerEventType_CONTAINER_STOPPED_EVENT)
	}
	return save(r.cfg.sandboxDir(s.ID), r.recordOf(s))
}

// recordOf copies a sandbox's record.
func (r *Runtime) recordOf(s *sandbox) sandboxRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	return s.sandboxRecord
}

// tearDown undoes setUp but for the sandbox's directory. It can be called again.
func (r *Runtime) tearDown(ctx context.Context, s *sandbox) error {
	if r.recordOf(s).Connected && r.cfg.Network != nil {
		if err := r.cfg.Network.Teardown(ctx, r.netnsPath(s), s.ID); err != nil {
			return fmt.Errorf("tear down network: %w", err)
		}
		r.mu.Lock()
		s.Connected = false
		r.mu.Unlock()
	}
	if err := s.Holder.Kill(); err != nil {
		return err
	}
	if s.Holder.PID != 0 && !s.Holder.WaitGone(killTime) {
		return fmt.Errorf("the holder, process %d, was killed but is not gone", s.Holder.PID)
	}
	if err := removeState(r.cfg.sandboxState(s.ID)); err != nil {
		return err
	}
	if !s.OwnCgroup {
		return r.sweepCgroup(filepath.Join(s.Cgroup, "holder"))
	}
	if err := r.sweepCgroup(s.Cgroup); err != nil {
		return err
	}
	r.cgroups.RemoveEmptyParents(s.Cgroup, r.cfg.CgroupParent)
	return nil
}

// sweepCgroup kills what is left in a cgroup and removes it. The kernel needs a
// moment to take processes that were killed out of it.
func (r *Runtime) sweepCgroup(path string) error {
	if !r.cgroups.Exists(path) {
		return nil
	}
	var err error
	for wait := time.Millisecond; wait < time.Second; wait *= 2 {
		if err = r.cgroups.Remove(path); err == nil {
			return nil
		}
		if killErr := r.cgroups.Kill(path); killErr != nil {
			return killErr
		}
		time.Sleep(wait)
	}
	return err
}

// removeState unmounts what is mounted in a state directory and removes it.
func removeState(dir string) error {
	if err := unmountBelow(dir); err != nil {
		return err
	}
	// Deleting must never go through a mount into somebody else's files.
	if left, err := mountsBelow(dir); err != nil || len(left) > 0 {
		return errors.Join(err, fmt.Errorf("still mounted below %s: %v", dir, left))
	}
	return os.RemoveAll(dir)
}

// RemovePodSandbox implements cri.RuntimeServiceServer. It removes the sandbox's
// containers too.
func (r *Runtime) RemovePodSandbox(ctx context.Context, req *cri.RemovePodSandboxRequest) (*cri.RemovePodSandboxResponse, error) {
	s := r.sandbox(req.GetPodSandboxId())
	if s == nil {
		return &cri.RemovePodSandboxResponse{}, nil
	}
	s.op.Lock()
	defer s.op.Unlock()
	err := r.stopSandbox(ctx, s)
	for _, c := range r.containersOf(s.ID) {
		if err == nil {
			err = r.remove(ctx, c)
		}
	}
	if err == nil {
		err = r.discard(s)
	}
	if err != nil {
		return nil, toStatus(fmt.Errorf("remove pod sandbox %s: %w", s.ID, err))
	}
	r.forgetName(sandboxKey(s.config.GetMetadata()), s.ID)
	r.samples.forget(s.ID)
	r.mu.Lock()
	_, known := r.sandboxes[s.ID]
	delete(r.sandboxes, s.ID)
	r.mu.Unlock()
	if known {
		r.emit(s.ID, s.ID, cri.ContainerEventType_CONTAINER_DELETED_EVENT)
	}
	return &cri.RemovePodSandboxResponse{}, nil
}

func (r *Runtime) discard(s *sandbox) error {
	return os.RemoveAll(r.cfg.sandboxDir(s.ID))
}
