package goroutine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
)

// Config says what a Runtime runs and where. Its zero value is a node of its
// own that runs no image.
type Config struct {
	// Images is where images are pulled from; nil offers none.
	Images *Registry
	// Fallback runs images that have no program or that the registry does not
	// know, so that a test need not register what it does not look at. [Pause]
	// is a usual one. Nil: such an image is not found.
	Fallback Program
	// Exec are the commands that exec finds in every container, by the first
	// word. Nil means [Tools].
	Exec map[string]Program

	// Network is the network that the nodes of a cluster share; nil makes one
	// for this node alone.
	Network *Network
	// PodCIDR is the range of this node's pod addresses. It may come later,
	// through the CRI call UpdateRuntimeConfig; the network is not ready before.
	PodCIDR netip.Prefix
	// NodeIP is the node's own address, for pods on the host's network and for
	// host ports.
	NodeIP netip.Addr

	// RootDir is a folder for files that containers write outside their mounts;
	// empty means the system's temporary folder. Nothing stays in it.
	RootDir string
	// Logger gets what goes wrong behind a call; nil discards it.
	Logger *slog.Logger
}

// A Runtime is the container runtime of one node whose containers are Go
// functions. It implements [runtime.Runtime] and is safe for concurrent use.
type Runtime struct {
	cri.UnimplementedRuntimeServiceServer
	cri.UnimplementedImageServiceServer

	config    Config
	network   *Network
	addresses addressPool
	events    eventHub
	programs  sync.WaitGroup // every goroutine that runs a Program

	mu         sync.Mutex // guards the fields below, and the state of what they hold
	closed     bool
	images     map[string]pulledImage // by canonical name
	sandboxes  map[string]*sandbox    // by id
	containers map[string]*container  // by id
}

var _ runtime.Runtime = (*Runtime)(nil)

// New returns a node's runtime. It starts nothing; the caller closes it.
func New(config Config) *Runtime {
	if config.Images == nil {
		config.Images = NewRegistry(nil)
	}
	if config.Exec == nil {
		config.Exec = Tools()
	}
	if config.Network == nil {
		config.Network = NewNetwork()
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	r := &Runtime{
		config:     config,
		network:    config.Network,
		images:     map[string]pulledImage{},
		sandboxes:  map[string]*sandbox{},
		containers: map[string]*container{},
	}
	if config.PodCIDR.IsValid() {
		r.addresses.setPrefix(config.PodCIDR)
	}
	return r
}

// Network returns the network that the runtime's pods are on.
func (r *Runtime) Network() *Network { return r.network }

// Close is the death of the node: every container is killed, every connection
// reset, every file of the containers' own removed. It returns when all
// programs have returned. Calls after it fail with Unavailable.
func (r *Runtime) Close() error {
	r.mu.Lock()
	r.closed = true
	sandboxes := values(r.sandboxes)
	r.mu.Unlock()
	for _, s := range sandboxes {
		r.removeSandbox(s)
	}
	r.events.close()
	r.programs.Wait()
	return nil
}

// checkOpenLocked fails after Close.
func (r *Runtime) checkOpenLocked() error {
	if r.closed {
		return status.Error(codes.Unavailable, "the runtime is closed")
	}
	return nil
}

// Version implements the CRI call.
func (r *Runtime) Version(context.Context, *cri.VersionRequest) (*cri.VersionResponse, error) {
	return &cri.VersionResponse{
		Version: "0.1.0", RuntimeName: "goroutine", RuntimeVersion: "0.1.0", RuntimeApiVersion: "v1",
	}, nil
}

// Status implements the CRI call: the network is ready once it has a pod CIDR.
func (r *Runtime) Status(context.Context, *cri.StatusRequest) (*cri.StatusResponse, error) {
	r.mu.Lock()
	err := r.checkOpenLocked()
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	network := &cri.RuntimeCondition{Type: cri.NetworkReady, Status: r.addresses.ready()}
	if !network.Status {
		network.Reason, network.Message = "NoPodCIDR", "the node has no pod CIDR yet"
	}
	return &cri.StatusResponse{
		Status: &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{
			{Type: cri.RuntimeReady, Status: true}, network,
		}},
		RuntimeHandlers: []*cri.RuntimeHandler{{Name: ""}},
	}, nil
}

// UpdateRuntimeConfig implements the CRI call: a kubelet tells the pod CIDR.
func (r *Runtime) UpdateRuntimeConfig(_ context.Context, req *cri.UpdateRuntimeConfigRequest) (*cri.UpdateRuntimeConfigResponse, error) {
	text := req.GetRuntimeConfig().GetNetworkConfig().GetPodCidr()
	if text == "" {
		return &cri.UpdateRuntimeConfigResponse{}, nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "parse pod CIDR: %v", err)
	}
	r.addresses.setPrefix(prefix)
	return &cri.UpdateRuntimeConfigResponse{}, nil
}

// RuntimeConfig implements the CRI call. There are no cgroups, whoever drives
// them.
func (r *Runtime) RuntimeConfig(context.Context, *cri.RuntimeConfigRequest) (*cri.RuntimeConfigResponse, error) {
	return &cri.RuntimeConfigResponse{
		Linux: &cri.LinuxRuntimeConfiguration{CgroupDriver: cri.CgroupDriver_CGROUPFS},
	}, nil
}

// sandbox and container look an id up.
func (r *Runtime) sandbox(id string) (*sandbox, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sandboxes[id]; s != nil {
		return s, nil
	}
	return nil, status.Errorf(codes.NotFound, "pod sandbox %q not found", id)
}

func (r *Runtime) container(id string) (*container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.containers[id]; c != nil {
		return c, nil
	}
	return nil, status.Errorf(codes.NotFound, "container %q not found", id)
}

// running looks up a container that must be running.
func (r *Runtime) running(id string) (*container, error) {
	c, err := r.container(id)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.state != cri.ContainerState_CONTAINER_RUNNING {
		return nil, status.Errorf(codes.FailedPrecondition, "container %q is not running but %s", id, c.state)
	}
	return c, nil
}

func newID() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func values[V any](m map[string]V) []V {
	list := make([]V, 0, len(m))
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

func invalid(format string, args ...any) error {
	return status.Error(codes.InvalidArgument, fmt.Sprintf(format, args...))
}
