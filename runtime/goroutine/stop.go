package goroutine

import (
	"context"
	"os"
	"time"

	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// exitKilled is the exit code of a process that SIGKILL ended: 128 + 9.
const exitKilled = 137

// kill ends a running container at once. The program's goroutine goes on until
// it looks at its context, but nothing it does is seen any more.
func (c *container) kill(code int32, reason string) { c.finish(code, reason, (*Host).Reset) }

// StopContainer implements the CRI call: the stop signal, and after Timeout
// seconds SIGKILL. When ctx ends before, the container is left to stop alone.
func (r *Runtime) StopContainer(ctx context.Context, req *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return &cri.StopContainerResponse{}, nil
	}
	r.mu.Lock()
	running := c.state == cri.ContainerState_CONTAINER_RUNNING
	r.mu.Unlock()
	if !running {
		return &cri.StopContainerResponse{}, nil
	}
	if req.Timeout > 0 {
		c.signal(stopSignal(c.config.StopSignal))
		grace := time.NewTimer(time.Duration(req.Timeout) * time.Second)
		defer grace.Stop()
		select {
		case <-c.ended:
			return &cri.StopContainerResponse{}, nil
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		case <-grace.C:
		}
	}
	c.kill(exitKilled, "")
	return &cri.StopContainerResponse{}, nil
}

// signal gives the first process a signal; SIGKILL is not one it can get.
func (c *container) signal(s os.Signal) {
	select {
	case c.signals <- s:
	default:
	}
	c.stop()
}

// RemoveContainer implements the CRI call; a running one is killed first.
func (r *Runtime) RemoveContainer(_ context.Context, req *cri.RemoveContainerRequest) (*cri.RemoveContainerResponse, error) {
	if c, err := r.container(req.ContainerId); err == nil {
		r.removeContainer(c)
	}
	return &cri.RemoveContainerResponse{}, nil
}

func (r *Runtime) removeContainer(c *container) {
	r.mu.Lock()
	_, known := r.containers[c.id]
	if c.state == cri.ContainerState_CONTAINER_CREATED {
		c.state = cri.ContainerState_CONTAINER_EXITED // it cannot be started any more
	}
	r.mu.Unlock()
	c.kill(exitKilled, "")
	if err := c.files.remove(); err != nil {
		r.config.Logger.Error("remove container files", "container", c.id, "err", err)
	}
	r.mu.Lock()
	delete(r.containers, c.id)
	r.mu.Unlock()
	c.stop()
	if known {
		r.emit(c.sandbox, c.id, cri.ContainerEventType_CONTAINER_DELETED_EVENT)
	}
}
