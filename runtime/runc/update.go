//go:build linux

package runc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/bundle"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// UpdateContainerResources implements cri.RuntimeServiceServer. Zero values leave
// things as they are.
func (r *Runtime) UpdateContainerResources(ctx context.Context, req *cri.UpdateContainerResourcesRequest) (*cri.UpdateContainerResourcesResponse, error) {
	c := r.container(req.GetContainerId())
	if c == nil {
		return nil, noContainer(req.GetContainerId())
	}
	c.op.Lock()
	defer c.op.Unlock()
	if err := r.update(ctx, c, req.GetLinux()); err != nil {
		return nil, toStatus(fmt.Errorf("update container %s: %w", c.ID, err))
	}
	return &cri.UpdateContainerResourcesResponse{}, nil
}

func (r *Runtime) update(ctx context.Context, c *container, want *cri.LinuxContainerResources) error {
	r.mu.Lock()
	merged := mergeResources(c.resources, want)
	r.mu.Unlock()
	resources, err := bundle.Resources(merged, r.host.CgroupV2)
	if err != nil {
		return err
	}
	switch state := r.state(c); state {
	case cri.ContainerState_CONTAINER_CREATED:
		err = r.rewriteBundle(c, resources)
	case cri.ContainerState_CONTAINER_RUNNING:
		err = r.runcUpdate(ctx, c, resources)
	default:
		return status.Errorf(codes.FailedPrecondition, "container %s is %v", c.ID, state)
	}
	if err != nil {
		return err
	}
	config := proto.CloneOf(c.config)
	if config.Linux == nil {
		config.Linux = &cri.LinuxContainerConfig{}
	}
	config.Linux.Resources = merged
	packed, err := pack(config)
	if err != nil {
		return err
	}
	r.mu.Lock()
	c.resources, c.Config = merged, packed
	r.mu.Unlock()
	return r.saveContainer(c)
}

// mergeResources lays what is set in want over have.
func mergeResources(have, want *cri.LinuxContainerResources) *cri.LinuxContainerResources {
	merged := &cri.LinuxContainerResources{}
	if have != nil {
		merged = proto.CloneOf(have)
	}
	if want == nil {
		return merged
	}
	if len(want.GetHugepageLimits()) > 0 {
		merged.HugepageLimits = nil // Merge would append
	}
	proto.Merge(merged, want)
	return merged
}

// runcUpdate changes the limits of a running container.
func (r *Runtime) runcUpdate(ctx context.Context, c *container, resources *specs.LinuxResources) error {
	raw, err := json.Marshal(resources)
	if err != nil {
		return err
	}
	cmd := r.runc(ctx, "update", "--resources", "-", c.ID)
	cmd.Stdin = bytes.NewReader(raw)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("runc update: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// rewriteBundle changes the limits of a container that was not started yet.
func (r *Runtime) rewriteBundle(c *container, resources *specs.LinuxResources) error {
	dir := r.cfg.containerDir(c.ID)
	spec, err := bundle.Read(dir)
	if err != nil {
		return err
	}
	resources.Devices, resources.Pids = spec.Linux.Resources.Devices, spec.Linux.Resources.Pids
	spec.Linux.Resources = resources
	return bundle.Write(dir, spec)
}
