//go:build linux

package runc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// watch waits, in a goroutine that Close ends, for a running container's end.
func (r *Runtime) watch(c *container) {
	r.watchers.Go(func() {
		err := shim.Wait(r.ctx, r.cfg.containerState(c.ID), func(exit shim.Exit) {
			if err := r.setEnded(c, describeExit(exit), false); err != nil {
				r.logger.Error("the end of a container was not recorded", "container", c.ID, "error", err)
			}
		})
		if r.ctx.Err() != nil {
			return
		}
		if errors.Is(err, shim.ErrLost) {
			r.bury(c)
		} else if err != nil {
			r.logger.Error("waiting for a container's shim", "container", c.ID, "error", err)
		}
		if p, err := shim.ShimOf(r.cfg.containerState(c.ID)); err == nil && !p.WaitGone(killTime) {
			r.logger.Error("a shim does not end", "container", c.ID, "pid", p.PID)
		}
		close(c.buried)
	})
}

// bury ends a container whose shim is gone: nobody reads its output any more, and
// nobody will know how it ends.
func (r *Runtime) bury(c *container) {
	lost := ending{Exit: shim.Exit{Code: 255, Time: time.Now()}, Reason: "ShimDied", Message: shim.ErrLost.Error()}
	if err := errors.Join(r.deleteRunc(c), r.setEnded(c, lost, false)); err != nil {
		r.logger.Error("ending a container without a shim", "container", c.ID, "error", err)
	}
}

func describeExit(exit shim.Exit) ending {
	e := ending{Exit: exit, Reason: "Completed"}
	switch {
	case exit.OOMKilled:
		e.Reason = "OOMKilled"
	case exit.Code != 0:
		e.Reason = "Error"
	}
	return e
}

// setEnded records how a container ended, once. buried says that no shim is left
// to wait for.
func (r *Runtime) setEnded(c *container, e ending, buried bool) error {
	r.mu.Lock()
	if c.Ended != nil {
		r.mu.Unlock()
		return nil
	}
	c.Ended = &e
	r.mu.Unlock()
	err := r.saveContainer(c)
	r.emit(c.Sandbox, c.ID, cri.ContainerEventType_CONTAINER_STOPPED_EVENT)
	close(c.ended)
	if buried {
		close(c.buried)
	}
	return err
}

// saveContainer writes a container's record as it is now. Whoever writes later
// writes what is newer.
func (r *Runtime) saveContainer(c *container) error {
	c.saving.Lock()
	defer c.saving.Unlock()
	r.mu.Lock()
	rec := c.containerRecord
	r.mu.Unlock()
	return save(r.cfg.containerDir(c.ID), rec)
}

// deleteRunc makes runc forget a container and kills what is left of it.
func (r *Runtime) deleteRunc(c *container) error {
	if _, err := os.Stat(filepath.Join(r.cfg.runcRoot(), c.ID)); err != nil {
		return nil // it never knew it
	}
	if out, err := r.runc(context.Background(), "delete", "--force", c.ID).CombinedOutput(); err != nil {
		return fmt.Errorf("runc delete: %w: %s", err, out)
	}
	return nil
}

// runc prepares a call of the runc program.
func (r *Runtime) runc(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, r.cfg.RuncPath, append([]string{"--root", r.cfg.runcRoot()}, args...)...)
}
