package goroutine

import (
	"cmp"
	"context"
	"slices"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// ListPodSandbox implements the CRI call, newest first.
func (r *Runtime) ListPodSandbox(_ context.Context, req *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	f := req.GetFilter()
	r.mu.Lock()
	defer r.mu.Unlock()
	resp := &cri.ListPodSandboxResponse{}
	for _, s := range r.sandboxes {
		state := s.stateLocked()
		if f.GetId() != "" && f.Id != s.id || f.GetState() != nil && f.State.State != state || !selects(f.GetLabelSelector(), s.config.Labels) {
			continue
		}
		resp.Items = append(resp.Items, &cri.PodSandbox{
			Id: s.id, Metadata: s.config.Metadata, State: state, CreatedAt: s.createdAt.UnixNano(),
			Labels: s.config.Labels, Annotations: s.config.Annotations, RuntimeHandler: s.handler,
		})
	}
	slices.SortFunc(resp.Items, func(a, b *cri.PodSandbox) int {
		return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), cmp.Compare(a.Id, b.Id))
	})
	return resp, nil
}

// ListContainers implements the CRI call, newest first.
func (r *Runtime) ListContainers(_ context.Context, req *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	f := req.GetFilter()
	r.mu.Lock()
	defer r.mu.Unlock()
	resp := &cri.ListContainersResponse{}
	for _, c := range r.containers {
		if !c.matchesLocked(f) {
			continue
		}
		resp.Containers = append(resp.Containers, &cri.Container{
			Id: c.id, PodSandboxId: c.sandbox.id, Metadata: c.config.Metadata, State: c.state,
			CreatedAt: c.createdAt.UnixNano(), Image: c.config.Image, ImageRef: c.image.digest(), ImageId: c.image.id,
			Labels: c.config.Labels, Annotations: c.config.Annotations,
		})
	}
	slices.SortFunc(resp.Containers, func(a, b *cri.Container) int {
		return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), cmp.Compare(a.Id, b.Id))
	})
	return resp, nil
}

func (c *container) matchesLocked(f *cri.ContainerFilter) bool {
	return (f.GetId() == "" || f.Id == c.id) &&
		(f.GetPodSandboxId() == "" || f.PodSandboxId == c.sandbox.id) &&
		(f.GetState() == nil || f.State.State == c.state) &&
		selects(f.GetLabelSelector(), c.config.Labels)
}

// selects tells whether all of selector is in labels.
func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if have, ok := labels[k]; !ok || have != v {
			return false
		}
	}
	return true
}
