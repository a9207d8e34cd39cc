package goroutine

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// sandbox is a pod: an address on the network that its containers share.
type sandbox struct {
	id        string
	config    *cri.PodSandboxConfig
	handler   string
	createdAt time.Time
	hostNet   bool

	// Guarded by Runtime.mu.
	ready bool
	ip    netip.Addr // invalid once stopped
	host  *Host      // holds the address for the pod's life
	ports []netip.AddrPort
}

// RunPodSandbox implements the CRI call.
func (r *Runtime) RunPodSandbox(ctx context.Context, req *cri.RunPodSandboxRequest) (*cri.RunPodSandboxResponse, error) {
	if err := checkSandbox(req); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	s := &sandbox{
		id: newID(), config: req.Config, handler: req.RuntimeHandler, createdAt: time.Now(), ready: true,
		hostNet: req.Config.GetLinux().GetSecurityContext().GetNamespaceOptions().GetNetwork() == cri.NamespaceMode_NODE,
	}
	if err := r.addSandbox(s); err != nil {
		return nil, err
	}
	r.emit(s, s.id, cri.ContainerEventType_CONTAINER_CREATED_EVENT)
	r.emit(s, s.id, cri.ContainerEventType_CONTAINER_STARTED_EVENT)
	return &cri.RunPodSandboxResponse{PodSandboxId: s.id}, nil
}

func checkSandbox(req *cri.RunPodSandboxRequest) error {
	m := req.GetConfig().GetMetadata()
	switch {
	case m.GetName() == "" || m.GetNamespace() == "" || m.GetUid() == "":
		return invalid("pod sandbox metadata needs a name, a namespace and a uid")
	case req.RuntimeHandler != "" && req.RuntimeHandler != "goroutine":
		return invalid("unknown runtime handler %q: there is only \"goroutine\"", req.RuntimeHandler)
	}
	return nil
}

func (r *Runtime) addSandbox(s *sandbox) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.checkOpenLocked(); err != nil {
		return err
	}
	for _, other := range r.sandboxes {
		if sandboxName(other.config.Metadata) == sandboxName(s.config.Metadata) {
			return status.Errorf(codes.AlreadyExists, "pod sandbox %s exists already: %s", sandboxName(s.config.Metadata), other.id)
		}
	}
	if err := r.connectLocked(s); err != nil {
		return status.Error(codes.Unavailable, fmt.Sprintf("connect pod sandbox: %v", err))
	}
	r.sandboxes[s.id] = s
	return nil
}

func sandboxName(m *cri.PodSandboxMetadata) string {
	return fmt.Sprintf("%s_%s_%s_%d", m.Namespace, m.Name, m.Uid, m.Attempt)
}

// connectLocked gives the pod its address and host ports.
func (r *Runtime) connectLocked(s *sandbox) error {
	s.ip = r.config.NodeIP
	if !s.hostNet {
		ip, err := r.addresses.take()
		if err != nil {
			return err
		}
		s.ip = ip
	}
	s.host = r.network.Attach(s.ip)
	for _, m := range s.config.PortMappings {
		if m.HostPort == 0 || s.hostNet {
			continue
		}
		from, err := r.hostPort(m)
		if err == nil {
			err = r.network.forward(from, netip.AddrPortFrom(s.ip, uint16(m.ContainerPort)))
		}
		if err != nil {
			r.disconnectLocked(s)
			return err
		}
		s.ports = append(s.ports, from)
	}
	return nil
}

func (r *Runtime) hostPort(m *cri.PortMapping) (netip.AddrPort, error) {
	if m.Protocol != cri.Protocol_TCP {
		return netip.AddrPort{}, fmt.Errorf("host port %d: protocol %s is not supported, TCP is", m.HostPort, m.Protocol)
	}
	ip := r.config.NodeIP
	if m.HostIp != "" {
		parsed, err := netip.ParseAddr(m.HostIp)
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("parse host IP of port %d: %w", m.HostPort, err)
		}
		if !parsed.IsUnspecified() {
			ip = parsed
		}
	}
	if !ip.IsValid() {
		return netip.AddrPort{}, fmt.Errorf("host port %d: the node has no address", m.HostPort)
	}
	return netip.AddrPortFrom(ip, uint16(m.HostPort)), nil
}

func (r *Runtime) disconnectLocked(s *sandbox) {
	for _, port := range s.ports {
		r.network.unforward(port)
	}
	s.host.Reset()
	if !s.hostNet {
		r.addresses.release(s.ip)
	}
	s.ports, s.ip = nil, netip.Addr{}
}

// StopPodSandbox implements the CRI call: it kills the containers that still
// run and frees the address.
func (r *Runtime) StopPodSandbox(_ context.Context, req *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	if s, err := r.sandbox(req.PodSandboxId); err == nil {
		r.stopSandbox(s)
	}
	return &cri.StopPodSandboxResponse{}, nil
}

func (r *Runtime) stopSandbox(s *sandbox) {
	r.mu.Lock()
	wasReady := s.ready
	s.ready = false // no container starts from here on
	r.mu.Unlock()
	for _, c := range r.containersOf(s) {
		c.kill(exitKilled, "")
	}
	if !wasReady {
		return
	}
	r.mu.Lock()
	r.disconnectLocked(s)
	r.mu.Unlock()
	r.emit(s, s.id, cri.ContainerEventType_CONTAINER_STOPPED_EVENT)
}

// RemovePodSandbox implements the CRI call: it stops what runs and removes the
// containers too.
func (r *Runtime) RemovePodSandbox(_ context.Context, req *cri.RemovePodSandboxRequest) (*cri.RemovePodSandboxResponse, error) {
	if s, err := r.sandbox(req.PodSandboxId); err == nil {
		r.removeSandbox(s)
	}
	return &cri.RemovePodSandboxResponse{}, nil
}

func (r *Runtime) removeSandbox(s *sandbox) {
	r.stopSandbox(s)
	for _, c := range r.containersOf(s) {
		r.removeContainer(c)
	}
	r.mu.Lock()
	_, known := r.sandboxes[s.id]
	delete(r.sandboxes, s.id)
	r.mu.Unlock()
	if known {
		r.emit(s, s.id, cri.ContainerEventType_CONTAINER_DELETED_EVENT)
	}
}

// containersOf lists a pod's containers, newest first.
func (r *Runtime) containersOf(s *sandbox) []*container {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*container
	for _, c := range r.containers {
		if c.sandbox == s {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *container) int {
		return cmp.Or(b.createdAt.Compare(a.createdAt), cmp.Compare(a.id, b.id))
	})
	return list
}

// PodSandboxStatus implements the CRI call.
func (r *Runtime) PodSandboxStatus(_ context.Context, req *cri.PodSandboxStatusRequest) (*cri.PodSandboxStatusResponse, error) {
	s, err := r.sandbox(req.PodSandboxId)
	if err != nil {
		return nil, err
	}
	containers := r.containersOf(s)
	r.mu.Lock()
	defer r.mu.Unlock()
	resp := &cri.PodSandboxStatusResponse{Status: s.statusLocked(), Timestamp: time.Now().UnixNano()}
	for _, c := range containers {
		resp.ContainersStatuses = append(resp.ContainersStatuses, c.statusLocked())
	}
	return resp, nil
}

func (s *sandbox) stateLocked() cri.PodSandboxState {
	if s.ready {
		return cri.PodSandboxState_SANDBOX_READY
	}
	return cri.PodSandboxState_SANDBOX_NOTREADY
}

func (s *sandbox) statusLocked() *cri.PodSandboxStatus {
	network := &cri.PodSandboxNetworkStatus{}
	if s.ip.IsValid() && !s.hostNet {
		network.Ip = s.ip.String()
	}
	return &cri.PodSandboxStatus{
		Id:             s.id,
		Metadata:       s.config.Metadata,
		State:          s.stateLocked(),
		CreatedAt:      s.createdAt.UnixNano(),
		Network:        network,
		Linux:          &cri.LinuxPodSandboxStatus{Namespaces: &cri.Namespace{Options: s.config.GetLinux().GetSecurityContext().GetNamespaceOptions()}},
		Labels:         s.config.Labels,
		Annotations:    s.config.Annotations,
		RuntimeHandler: s.handler,
	}
}

// pod is what a program is told of its pod.
func (s *sandbox) pod() Pod {
	m := s.config.Metadata
	return Pod{Namespace: m.Namespace, Name: m.Name, UID: m.Uid}
}

func (s *sandbox) hostname() string {
	if s.config.Hostname != "" {
		return s.config.Hostname
	}
	return s.config.Metadata.Name
}
