package goroutine

import (
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// eventBacklog is how far a reader of events may fall behind before it is
// dropped, in events.
const eventBacklog = 1024

// eventHub gives every reader every event from the time it came.
type eventHub struct {
	mu      sync.Mutex // guards the fields below
	readers map[chan *cri.ContainerEventResponse]bool
	closed  bool
}

func (h *eventHub) subscribe() chan *cri.ContainerEventResponse {
	h.mu.Lock()
	defer h.mu.Unlock()
	events := make(chan *cri.ContainerEventResponse, eventBacklog)
	if h.closed {
		close(events)
		return events
	}
	if h.readers == nil {
		h.readers = map[chan *cri.ContainerEventResponse]bool{}
	}
	h.readers[events] = true
	return events
}

func (h *eventHub) unsubscribe(events chan *cri.ContainerEventResponse) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.readers, events)
}

// publish never waits: a reader whose backlog is full is dropped.
func (h *eventHub) publish(event *cri.ContainerEventResponse) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for events := range h.readers {
		select {
		case events <- event:
		default:
			delete(h.readers, events)
			close(events)
		}
	}
}

func (h *eventHub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for events := range h.readers {
		close(events)
	}
	h.readers = nil
}

// emit publishes what happened to a container or sandbox, with the state of its
// pod as it is now.
func (r *Runtime) emit(s *sandbox, id string, kind cri.ContainerEventType) {
	containers := r.containersOf(s)
	r.mu.Lock()
	event := &cri.ContainerEventResponse{
		ContainerId: id, ContainerEventType: kind,
		CreatedAt: time.Now().UnixNano(), PodSandboxStatus: s.statusLocked(),
	}
	for _, c := range containers {
		event.ContainersStatuses = append(event.ContainersStatuses, c.statusLocked())
	}
	r.mu.Unlock()
	r.events.publish(event)
}

// GetContainerEvents implements the CRI call. A reader that falls far behind
// gets ResourceExhausted and must list anew.
func (r *Runtime) GetContainerEvents(_ *cri.GetEventsRequest, stream cri.RuntimeService_GetContainerEventsServer) error {
	events := r.events.subscribe()
	defer r.events.unsubscribe(events)
	for {
		select {
		case event, ok := <-events:
			if !ok {
				return status.Error(codes.ResourceExhausted, "the runtime is closed, or the reader fell behind: list and follow again")
			}
			if err := stream.Send(event); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		}
	}
}
