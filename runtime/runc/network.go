package runc

import (
	"context"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A Network connects pod sandboxes. Package network has homes of it (a bridge,
// CNI); here is only what this runtime needs to know.
type Network interface {
	// Setup connects the network namespace at netnsPath, whose loopback is up, and
	// returns the pod's addresses, the first one being the primary. It is called
	// once for each sandbox that is not on the host network. If it fails, Teardown
	// is called for what it may have left.
	Setup(ctx context.Context, netnsPath, podNamespace, podName, sandboxID string, ports ...PortMapping) (ips []string, err error)
	// Teardown undoes Setup. It is called once or more, also when Setup failed or
	// never ran; what is not there any more is no error, and neither is a namespace
	// that is gone (after a reboot, or a crash).
	Teardown(ctx context.Context, netnsPath, sandboxID string) error
}

// A StatusReporter is a [Network] that can say whether it is able to work. The
// runtime asks in Status; nil means ready.
type StatusReporter interface {
	Status(ctx context.Context) error
}

// A PortMapping leads from a port of the node to a port of a pod.
type PortMapping struct {
	Protocol      cri.Protocol
	ContainerPort int32
	HostPort      int32
	// HostIP is the address of the node that is listened on; empty means all.
	HostIP string
}

// Loopback is the [Network] of pods that talk to nobody: they have their loopback
// and no address. The runtime then counts as ready.
type Loopback struct{}

// Setup implements Network.
func (Loopback) Setup(context.Context, string, string, string, string, ...PortMapping) ([]string, error) {
	return nil, nil
}

// Teardown implements Network.
func (Loopback) Teardown(context.Context, string, string) error { return nil }
