//go:build linux

package runc

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// eventBuffer is how many events a subscriber may be behind. One that falls back
// further is dropped, and has to list and subscribe again.
const eventBuffer = 1024

// events hands out what happens to sandboxes and containers (KEP-3386).
type events struct {
	stopped <-chan struct{} // closed when the runtime closes

	mu          sync.Mutex // guards the field below
	subscribers []chan *cri.ContainerEventResponse
}

func (e *events) subscribe() chan *cri.ContainerEventResponse {
	e.mu.Lock()
	defer e.mu.Unlock()
	ch := make(chan *cri.ContainerEventResponse, eventBuffer)
	e.subscribers = append(e.subscribers, ch)
	return ch
}

func (e *events) unsubscribe(ch chan *cri.ContainerEventResponse) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.subscribers = slices.DeleteFunc(e.subscribers, func(other chan *cri.ContainerEventResponse) bool { return other == ch })
}

func (e *events) wanted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.subscribers) > 0
}

func (e *events) publish(ev *cri.ContainerEventResponse) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.subscribers = slices.DeleteFunc(e.subscribers, func(ch chan *cri.ContainerEventResponse) bool {
		select {
		case ch <- ev:
			return false
		default:
			close(ch)
			return true
		}
	})
}

// emit tells subscribers that something happened to a container, or to a sandbox
// (then id is the sandbox's), with the state of the whole pod.
func (r *Runtime) emit(sandboxID, id string, kind cri.ContainerEventType) {
	if !r.events.wanted() {
		return
	}
	ev := &cri.ContainerEventResponse{ContainerId: id, ContainerEventType: kind, CreatedAt: time.Now().UnixNano()}
	if s := r.sandbox(sandboxID); s != nil {
		ev.PodSandboxStatus = r.sandboxStatus(s)
		for _, c := range r.containersOf(sandboxID) {
			ev.ContainersStatuses = append(ev.ContainersStatuses, r.containerStatus(c))
		}
	}
	r.events.publish(ev)
}

// GetContainerEvents implements cri.RuntimeServiceServer.
func (r *Runtime) GetContainerEvents(_ *cri.GetEventsRequest, stream grpc.ServerStreamingServer[cri.ContainerEventResponse]) error {
	ch := r.events.subscribe()
	defer r.events.unsubscribe(ch)
	for {
		select {
		case <-stream.Context().Done():
			return toStatus(context.Cause(stream.Context()))
		case <-r.events.stopped:
			return status.Error(codes.Unavailable, "the runtime is closed")
		case ev, ok := <-ch:
			if !ok {
				return status.Errorf(codes.ResourceExhausted, "more than %d events behind: list and subscribe again", eventBuffer)
			}
			if err := stream.Send(ev); err != nil {
				return err
			}
		}
	}
}
