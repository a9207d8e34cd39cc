package criserver

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"

	"github.com/coracle-k8s/coracle/runtime"
)

// service is a runtime whose Exec, Attach and PortForward answer with URLs.
// Every other call goes straight to the runtime.
type service struct {
	runtime.Runtime
	streams streaming.Server
}

// Exec implements the CRI call.
func (s *service) Exec(ctx context.Context, req *cri.ExecRequest) (*cri.ExecResponse, error) {
	if err := s.checkRunning(ctx, req.ContainerId); err != nil {
		return nil, err
	}
	return s.streams.GetExec(req)
}

// Attach implements the CRI call.
func (s *service) Attach(ctx context.Context, req *cri.AttachRequest) (*cri.AttachResponse, error) {
	if err := s.checkRunning(ctx, req.ContainerId); err != nil {
		return nil, err
	}
	return s.streams.GetAttach(req)
}

// PortForward implements the CRI call.
func (s *service) PortForward(ctx context.Context, req *cri.PortForwardRequest) (*cri.PortForwardResponse, error) {
	resp, err := s.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: req.PodSandboxId})
	if err != nil {
		return nil, err
	}
	if resp.GetStatus().GetState() != cri.PodSandboxState_SANDBOX_READY {
		return nil, status.Errorf(codes.FailedPrecondition, "pod sandbox %q is not ready", req.PodSandboxId)
	}
	return s.streams.GetPortForward(req)
}

// checkRunning refuses early, while an error still has its code.
func (s *service) checkRunning(ctx context.Context, id string) error {
	resp, err := s.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		return err
	}
	if state := resp.GetStatus().GetState(); state != cri.ContainerState_CONTAINER_RUNNING {
		return status.Errorf(codes.FailedPrecondition, "container %q is not running but %s", id, state)
	}
	return nil
}
