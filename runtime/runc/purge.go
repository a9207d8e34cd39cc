//go:build linux

package runc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/cgroup"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
)

// Purge closes the runtime and removes everything it has on this machine, as the
// function [Purge] does. The runtime is not usable afterwards.
func (r *Runtime) Purge(ctx context.Context) error {
	return errors.Join(r.Close(), Purge(ctx, r.cfg))
}

// Purge removes everything that a runtime left in its directories: shims,
// containers, pod networks (if cfg.Network is set), mounts, namespaces, cgroups
// and files. Images stay, but are leased no more (if cfg.Images is set). It is for
// what a dead runtime left; one that is open is not touched, and gives an error.
//
// It goes on after a failure, so that as much as possible is gone, and returns all
// of them.
func Purge(ctx context.Context, cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	if _, err := os.Stat(cfg.Root); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	release, err := lockDir(cfg.Root)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	defer release()
	cgroups, err := cgroup.Detect()
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	// A runtime that only tidies up: nobody watches, nothing is recorded.
	r := &Runtime{cfg: cfg, images: cfg.Images, logger: cfg.Logger, cgroups: cgroups}
	if cfg.RuncPath == "" {
		r.cfg.RuncPath, _ = Find() // without runc, its containers' processes are killed all the same
	}
	err = errors.Join(
		eachName(cfg.containersDir(), r.purgeContainer),
		eachName(filepath.Join(cfg.State, "containers"), r.purgeContainer),
		eachName(cfg.sandboxesDir(), func(id string) error { return r.purgeSandbox(ctx, id) }),
	)
	for _, dir := range []string{cfg.containersDir(), cfg.sandboxesDir(), cfg.State} {
		err = errors.Join(err, removeState(dir))
	}
	if err != nil {
		return fmt.Errorf("purge %s: %w", cfg.Root, err)
	}
	if err := os.Remove(filepath.Join(cfg.Root, "lock")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("purge %s: %w", cfg.Root, err)
	}
	return nil
}

func eachName(dir string, do func(string) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		err = errors.Join(err, do(e.Name()))
	}
	return err
}

// purgeContainer removes one container without asking how it is.
func (r *Runtime) purgeContainer(id string) error {
	var rec containerRecord
	_ = load(r.cfg.containerDir(id), &rec) // without a record there is nothing in a cgroup that the pod's has not
	c := &container{containerRecord: rec}
	c.ID = id
	dir := r.cfg.containerState(id)
	p, err := shim.ShimOf(dir)
	if err == nil {
		if err := p.Kill(); err != nil {
			return err
		}
		p.WaitGone(killTime)
	}
	err = nil
	if r.cfg.RuncPath != "" {
		err = r.deleteRunc(c)
	}
	if rec.Cgroup != "" {
		err = errors.Join(err, r.sweepCgroup(rec.Cgroup))
	}
	if r.images != nil {
		err = errors.Join(err, r.releaseImages(id))
	}
	return errors.Join(err, removeState(dir), removeState(r.cfg.containerDir(id)))
}

func (r *Runtime) purgeSandbox(ctx context.Context, id string) error {
	s := &sandbox{}
	if err := load(r.cfg.sandboxDir(id), &s.sandboxRecord); err != nil || s.ID != id {
		s.sandboxRecord = sandboxRecord{ID: id}
	}
	if s.Cgroup == "" {
		s.Cgroup, s.OwnCgroup = filepath.Join(r.cfg.CgroupParent, "pod-"+id), true
	}
	// A sandbox on the host network is never connected.
	return errors.Join(r.tearDown(ctx, s), removeState(r.cfg.sandboxDir(id)))
}
