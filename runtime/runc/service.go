//go:build linux

package runc

import (
	"context"
	"fmt"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Version implements cri.RuntimeServiceServer.
func (r *Runtime) Version(context.Context, *cri.VersionRequest) (*cri.VersionResponse, error) {
	return &cri.VersionResponse{
		Version: "0.1.0", RuntimeName: "coracle-runc", RuntimeVersion: r.version, RuntimeApiVersion: "v1",
	}, nil
}

// Status implements cri.RuntimeServiceServer.
func (r *Runtime) Status(ctx context.Context, req *cri.StatusRequest) (*cri.StatusResponse, error) {
	network := &cri.RuntimeCondition{Type: cri.NetworkReady, Status: true}
	switch n := r.cfg.Network.(type) {
	case nil:
		network.Status, network.Reason = false, "NoPodNetwork"
		network.Message = "the runtime was opened without a pod network"
	case StatusReporter:
		if err := n.Status(ctx); err != nil {
			network.Status, network.Reason, network.Message = false, "PodNetworkNotReady", err.Error()
		}
	}
	ready := &cri.RuntimeCondition{Type: cri.RuntimeReady, Status: true}
	if r.ctx.Err() != nil {
		ready.Status, ready.Reason, ready.Message = false, "Closed", "the runtime is closed"
	}
	resp := &cri.StatusResponse{
		Status:   &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{ready, network}},
		Features: &cri.RuntimeFeatures{SupplementalGroupsPolicy: true, MountOptions: true},
	}
	for _, name := range []string{"", "runc"} {
		resp.RuntimeHandlers = append(resp.RuntimeHandlers, &cri.RuntimeHandler{
			Name: name, Features: &cri.RuntimeHandlerFeatures{RecursiveReadOnlyMounts: true},
		})
	}
	if req.GetVerbose() {
		resp.Info = info(map[string]any{"root": r.cfg.Root, "state": r.cfg.State, "runc": r.cfg.RuncPath, "cgroupV2": r.host.CgroupV2})
	}
	return resp, nil
}

// RuntimeConfig implements cri.RuntimeServiceServer.
func (r *Runtime) RuntimeConfig(context.Context, *cri.RuntimeConfigRequest) (*cri.RuntimeConfigResponse, error) {
	return &cri.RuntimeConfigResponse{Linux: &cri.LinuxRuntimeConfiguration{CgroupDriver: cri.CgroupDriver_CGROUPFS}}, nil
}

// UpdateRuntimeConfig implements cri.RuntimeServiceServer. The only thing it can
// bring is the node's range of pod addresses, which the [Network] was made with.
func (r *Runtime) UpdateRuntimeConfig(context.Context, *cri.UpdateRuntimeConfigRequest) (*cri.UpdateRuntimeConfigResponse, error) {
	return &cri.UpdateRuntimeConfigResponse{}, nil
}

// ReopenContainerLog implements cri.RuntimeServiceServer.
func (r *Runtime) ReopenContainerLog(ctx context.Context, req *cri.ReopenContainerLogRequest) (*cri.ReopenContainerLogResponse, error) {
	c, err := r.running(req.GetContainerId())
	if err != nil {
		return nil, err
	}
	if err := shim.ReopenLog(ctx, r.cfg.containerState(c.ID)); err != nil {
		return nil, toStatus(fmt.Errorf("reopen log of container %s: %w", c.ID, err))
	}
	return &cri.ReopenContainerLogResponse{}, nil
}

// running returns a container that runs.
func (r *Runtime) running(id string) (*container, error) {
	c := r.container(id)
	if c == nil {
		return nil, noContainer(id)
	}
	if state := r.state(c); state != cri.ContainerState_CONTAINER_RUNNING {
		return nil, status.Errorf(codes.FailedPrecondition, "container %s is not running: %v", id, state)
	}
	return c, nil
}
