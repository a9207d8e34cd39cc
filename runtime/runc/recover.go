//go:build linux

package runc

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// recover finds what an earlier runtime left. A directory whose record cannot be
// read was not finished, and is removed.
func (r *Runtime) recover() error {
	rebooted, err := r.checkBoot()
	if err != nil {
		return err
	}
	if err := eachDir(r.cfg.sandboxesDir(), func(id string) error { return r.recoverSandbox(id, rebooted) }); err != nil {
		return err
	}
	return eachDir(r.cfg.containersDir(), func(id string) error { return r.recoverContainer(id, rebooted) })
}

// checkBoot compares the machine's boot with the one that the state directory is
// of. What is in the state of another boot is dead.
func (r *Runtime) checkBoot() (rebooted bool, err error) {
	now, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return false, err
	}
	path := filepath.Join(r.cfg.State, "boot")
	before, err := os.ReadFile(path)
	if err == nil && string(before) == string(now) {
		return false, nil
	}
	for _, name := range []string{"sandboxes", "containers", "runc"} {
		if err := removeState(filepath.Join(r.cfg.State, name)); err != nil {
			return false, err
		}
	}
	return true, os.WriteFile(path, now, 0o600)
}

func eachDir(dir string, do func(name string) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := do(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runtime) recoverSandbox(id string, rebooted bool) error {
	s := &sandbox{config: new(cri.PodSandboxConfig)}
	err := load(r.cfg.sandboxDir(id), &s.sandboxRecord)
	if err == nil {
		err = proto.Unmarshal(s.Config, s.config)
	}
	if err != nil || s.ID != id {
		r.logger.Warn("a pod sandbox has no readable record and is removed", "sandbox", id, "error", err)
		return errors.Join(removeState(r.cfg.sandboxState(id)), os.RemoveAll(r.cfg.sandboxDir(id)))
	}
	if _, err := os.Stat(r.nsPath(id, "uts")); rebooted || err != nil {
		s.Ready = false
	}
	r.sandboxes[id] = s
	r.names[sandboxKey(s.config.GetMetadata())] = id
	return nil
}

func (r *Runtime) recoverContainer(id string, rebooted bool) error {
	var rec containerRecord
	config := new(cri.ContainerConfig)
	err := load(r.cfg.containerDir(id), &rec)
	if err == nil {
		err = proto.Unmarshal(rec.Config, config)
	}
	c := newContainer(rec, config)
	if err != nil || rec.ID != id {
		r.logger.Warn("a container has no readable record and is removed", "container", id, "error", err)
		c.ID = id
		return r.discardUnknown(c)
	}
	r.containers[id] = c
	r.names[containerKey(c.Sandbox, config.GetMetadata())] = id
	dir := r.cfg.containerState(id)
	_, noShim := shim.ShimOf(dir)
	switch {
	case c.Ended != nil:
		close(c.ended)
		close(c.buried)
	case rebooted && !c.Started.IsZero():
		lost := ending{Exit: shim.Exit{Code: 255, Time: time.Now()}, Reason: "Rebooted", Message: "the machine was started again"}
		return r.setEnded(c, lost, true)
	case noShim == nil, !c.Started.IsZero():
		r.recoverRunning(c, dir)
	}
	return nil
}

// recoverRunning goes on watching a container that was started. The runtime may
// have died between starting it and noting that down.
func (r *Runtime) recoverRunning(c *container, dir string) {
	p, _ := shim.ShimOf(dir)
	r.mu.Lock()
	c.ShimPID = p.PID
	if c.Started.IsZero() {
		c.Started = time.Now()
	}
	if c.PID == 0 {
		c.PID, _ = shim.ContainerPID(dir)
	}
	r.mu.Unlock()
	r.watch(c)
}

// discardUnknown removes a container of which only the name is known.
func (r *Runtime) discardUnknown(c *container) error {
	if p, err := shim.ShimOf(r.cfg.containerState(c.ID)); err == nil {
		if err := p.Kill(); err != nil {
			return err
		}
	}
	return errors.Join(r.deleteRunc(c), removeState(r.cfg.containerState(c.ID)),
		removeState(r.cfg.containerDir(c.ID)), r.releaseImages(c.ID))
}
