package kubelet

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/types"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// How often the runtime is asked for all it has: seldom where it tells events
// by itself, since only lost ones have to be made up for.
const (
	relistOften  = time.Second
	relistSeldom = 5 * time.Minute
	// relistSoon is when to look after a subscription began, for what happened
	// before it.
	relistSoon = time.Second
)

// runEvents wakes the workers of pods to which something happened in the
// runtime. Kubernetes calls this the pod lifecycle event generator (PLEG).
func (k *Kubelet) runEvents(ctx context.Context) error {
	for ctx.Err() == nil {
		err := k.followEvents(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case status.Code(err) == codes.Unimplemented:
			k.relist(ctx, relistOften)
			return nil
		}
		k.log.Info("runtime events end, following anew", "err", err)
		k.wakeAll()
		_ = sleep(ctx, observeRetry)
	}
	return nil
}

// followEvents reads the runtime's events until they end, and looks at
// everything now and then meanwhile.
func (k *Kubelet) followEvents(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- k.rt.GetContainerEvents(&cri.GetEventsRequest{}, &eventStream{ctx: ctx, k: k}) }()
	select {
	case err := <-ended:
		return err
	case <-time.After(relistSoon):
		k.wakeAll()
	}
	relisted := make(chan struct{})
	go func() {
		defer close(relisted)
		k.relist(ctx, relistSeldom)
	}()
	err := <-ended
	cancel()
	<-relisted
	if err == nil {
		err = errors.New("the stream was closed")
	}
	return err
}

// relist wakes the workers of the pods whose state in the runtime changed since
// it last looked.
func (k *Kubelet) relist(ctx context.Context, every time.Duration) {
	if k.cfg.RelistInterval > 0 {
		every = k.cfg.RelistInterval
	}
	known := map[types.UID]string{}
	for sleep(ctx, every) == nil {
		seen, err := k.fingerprints(ctx)
		if err != nil {
			k.log.Warn("relist", "err", err)
			continue
		}
		for uid, state := range seen {
			if known[uid] != state {
				k.wake(uid)
			}
		}
		for uid := range known {
			if _, still := seen[uid]; !still {
				k.wake(uid)
			}
		}
		known = seen
	}
}

// fingerprints sums up what the runtime has of each pod.
func (k *Kubelet) fingerprints(ctx context.Context) (map[types.UID]string, error) {
	sandboxes, err := k.rt.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return nil, err
	}
	containers, err := k.rt.ListContainers(ctx, &cri.ListContainersRequest{})
	if err != nil {
		return nil, err
	}
	seen := map[types.UID]string{}
	for _, s := range sandboxes.Items {
		seen[types.UID(s.Labels[labelPodUID])] += s.Id + s.State.String() + ";"
	}
	for _, c := range containers.Containers {
		seen[types.UID(c.Labels[labelPodUID])] += c.Id + c.State.String() + ";"
	}
	return seen, nil
}

func (k *Kubelet) wake(uid types.UID) {
	if w := k.worker(uid); w != nil {
		w.wake()
	}
}

func (k *Kubelet) wakeAll() {
	for _, w := range k.allWorkers() {
		w.wake()
	}
}

// An eventStream receives the runtime's events in process: the server's side of
// a gRPC stream, with nothing between.
type eventStream struct {
	grpc.ServerStream
	ctx context.Context
	k   *Kubelet
}

// Context implements grpc.ServerStream.
func (s *eventStream) Context() context.Context { return s.ctx }

// Send implements cri.RuntimeService_GetContainerEventsServer.
func (s *eventStream) Send(event *cri.ContainerEventResponse) error {
	if uid := event.GetPodSandboxStatus().GetMetadata().GetUid(); uid != "" {
		s.k.wake(types.UID(uid))
	} else {
		s.k.wakeAll()
	}
	return nil
}
