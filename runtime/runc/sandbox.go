//go:build linux

package runc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/bundle"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A sandbox is a pod's namespaces and what belongs to them.
type sandbox struct {
	sandboxRecord                       // changing fields are guarded by Runtime.mu
	config        *cri.PodSandboxConfig // never changed
	op            sync.Mutex            // one change at a time: held while the sandbox is stopped or removed, or gets a container
}

func (s *sandbox) options() *cri.NamespaceOption {
	return s.config.GetLinux().GetSecurityContext().GetNamespaceOptions()
}

func (s *sandbox) hostNetwork() bool { return s.options().GetNetwork() == cri.NamespaceMode_NODE }
func (s *sandbox) hostIPC() bool     { return s.options().GetIpc() == cri.NamespaceMode_NODE }

// sharedPID says that the pod's containers see each other's processes. CRI's zero
// value means so, but only where options were given at all.
func (s *sandbox) sharedPID() bool {
	return s.options() != nil && s.options().GetPid() == cri.NamespaceMode_POD
}

// nsPath is the file on which one of the sandbox's namespaces is held.
func (r *Runtime) nsPath(id, name string) string {
	return filepath.Join(r.cfg.sandboxState(id), "ns", name)
}

// netnsPath is the sandbox's network namespace, the node's for the host network,
// "" where that is the namespace of this process.
func (r *Runtime) netnsPath(s *sandbox) string {
	if s.hostNetwork() {
		return r.cfg.NetNSPath
	}
	return r.nsPath(s.ID, "net")
}

// RunPodSandbox implements cri.RuntimeServiceServer.
func (r *Runtime) RunPodSandbox(ctx context.Context, req *cri.RunPodSandboxRequest) (*cri.RunPodSandboxResponse, error) {
	if req.GetConfig().GetMetadata().GetName() == "" {
		return nil, toStatus(fmt.Errorf("run pod sandbox: %w: no metadata, or no name in it", bundle.ErrInvalid))
	}
	if h := req.GetRuntimeHandler(); h != "" && h != "runc" {
		return nil, toStatus(fmt.Errorf("run pod sandbox: %w: no runtime handler %q", bundle.ErrInvalid, h))
	}
	s, err := r.newSandbox(proto.CloneOf(req.GetConfig()), req.GetRuntimeHandler())
	if err == nil {
		err = r.reserve(sandboxKey(s.config.GetMetadata()), s.ID)
	}
	if err == nil {
		err = r.setUp(ctx, s)
	}
	if err != nil {
		meta := req.GetConfig().GetMetadata()
		return nil, toStatus(fmt.Errorf("run pod sandbox %s/%s: %w", meta.GetNamespace(), meta.GetName(), err))
	}
	r.mu.Lock()
	r.sandboxes[s.ID] = s
	r.mu.Unlock()
	r.emit(s.ID, s.ID, cri.ContainerEventType_CONTAINER_CREATED_EVENT)
	r.emit(s.ID, s.ID, cri.ContainerEventType_CONTAINER_STARTED_EVENT)
	return &cri.RunPodSandboxResponse{PodSandboxId: s.ID}, nil
}

// newSandbox checks the request.
func (r *Runtime) newSandbox(config *cri.PodSandboxConfig, handler string) (*sandbox, error) {
	packed, err := pack(config)
	if err != nil {
		return nil, err
	}
	s := &sandbox{config: config}
	s.sandboxRecord = sandboxRecord{
		ID: newID(), Config: packed, Handler: handler, Created: time.Now(), Ready: true,
	}
	if userns := s.options().GetUsernsOptions(); userns != nil && userns.GetMode() == cri.NamespaceMode_POD {
		return nil, fmt.Errorf("%w: user namespaces", bundle.ErrUnsupported)
	}
	if s.options().GetPid() == cri.NamespaceMode_TARGET || s.options().GetNetwork() == cri.NamespaceMode_TARGET {
		return nil, fmt.Errorf("%w: a pod cannot target a container's namespace", bundle.ErrInvalid)
	}
	if dir := config.GetLogDirectory(); dir != "" && !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("%w: log directory %q is not absolute", bundle.ErrInvalid, dir)
	}
	if name := config.GetHostname(); len(name) > 64 || strings.ContainsAny(name, "/\x00\n") {
		return nil, fmt.Errorf("%w: hostname %q", bundle.ErrInvalid, name)
	}
	if err := checkSysctls(config.GetLinux().GetSysctls(), !s.hostNetwork(), !s.hostIPC()); err != nil {
		return nil, err
	}
	s.Cgroup, err = r.podCgroup(config.GetLinux().GetCgroupParent(), s.ID)
	return s, err
}

// podCgroup is the pod's cgroup: the one the request names, else one of our own.
func (r *Runtime) podCgroup(parent, id string) (string, error) {
	if parent == "" {
		return path.Join(r.cfg.CgroupParent, "pod-"+id), nil
	}
	clean := path.Clean("/" + parent)
	if clean == "/" || strings.Contains(parent, "..") || strings.ContainsAny(parent, ":\x00\n") || strings.HasSuffix(parent, ".slice") {
		return "", fmt.Errorf("%w: cgroup parent %q: want a path such as /kubepods/burstable/pod1", bundle.ErrInvalid, parent)
	}
	return clean, nil
}

// setUp makes all that a sandbox is made of, or nothing.
func (r *Runtime) setUp(ctx context.Context, s *sandbox) (err error) {
	defer func() {
		if err != nil {
			// The caller may have given up; tidying up goes on.
			err = errors.Join(err, r.tearDown(context.WithoutCancel(ctx), s), r.discard(s))
			r.forgetName(sandboxKey(s.config.GetMetadata()), s.ID)
		}
	}()
	if err := os.MkdirAll(r.cfg.sandboxDir(s.ID), 0o700); err != nil {
		return err
	}
	// The record comes first, so that a crash at any point leaves nothing unknown.
	if err := save(r.cfg.sandboxDir(s.ID), s.sandboxRecord); err != nil {
		return err
	}
	if err := r.setUpCgroup(s); err != nil {
		return err
	}
	name := s.config.GetHostname()
	if name == "" {
		name, _ = os.Hostname()
	}
	req := nsRequest{net: !s.hostNetwork(), ipc: !s.hostIPC(), hostname: name, sysctls: s.config.GetLinux().GetSysctls()}
	if err := createNamespaces(filepath.Join(r.cfg.sandboxState(s.ID), "ns"), req); err != nil {
		return err
	}
	if err := r.setUpFiles(s, name); err != nil {
		return err
	}
	if err := r.setUpHolder(s); err != nil {
		return err
	}
	if err := r.connect(ctx, s); err != nil {
		return err
	}
	return save(r.cfg.sandboxDir(s.ID), s.sandboxRecord)
}

// setUpCgroup makes the pod's cgroup if the kubelet did not. A cgroup of our own
// gets the share of the processor that the pod's containers ask for together;
// other limits of a pod are the kubelet's business.
func (r *Runtime) setUpCgroup(s *sandbox) error {
	s.OwnCgroup = !r.cgroups.Exists(s.Cgroup)
	if err := r.cgroups.Create(s.Cgroup); err != nil {
		return err
	}
	if shares := s.config.GetLinux().GetResources().GetCpuShares(); shares > 0 && s.OwnCgroup {
		return r.cgroups.SetCPUShares(s.Cgroup, shares)
	}
	return nil
}

// setUpFiles makes the files that the pod's containers share.
func (r *Runtime) setUpFiles(s *sandbox, hostname string) error {
	dir := r.cfg.sandboxDir(s.ID)
	if err := os.WriteFile(filepath.Join(dir, "hostname"), []byte(hostname+"\n"), 0o644); err != nil {
		return err
	}
	resolv, err := resolvConf(s.config.GetDnsConfig())
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "resolv.conf"), resolv, 0o644); err != nil {
		return err
	}
	if s.hostIPC() {
		return nil
	}
	shm := filepath.Join(r.cfg.sandboxState(s.ID), "shm")
	if err := os.MkdirAll(shm, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("shm", shm, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=1777,size=67108864"); err != nil {
		return fmt.Errorf("mount /dev/shm: %w", err)
	}
	return nil
}

// resolvConf writes resolv.conf(5); without a wish it is the machine's own.
func resolvConf(dns *cri.DNSConfig) ([]byte, error) {
	if len(dns.GetServers())+len(dns.GetSearches())+len(dns.GetOptions()) == 0 {
		raw, err := os.ReadFile("/etc/resolv.conf")
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return raw, err
	}
	var b strings.Builder
	for _, list := range [][]string{dns.GetServers(), dns.GetSearches(), dns.GetOptions()} {
		for _, word := range list {
			if strings.ContainsAny(word, " \t\n") {
				return nil, fmt.Errorf("%w: dns setting %q", bundle.ErrInvalid, word)
			}
		}
	}
	if len(dns.GetSearches()) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(dns.GetSearches(), " "))
	}
	for _, server := range dns.GetServers() {
		fmt.Fprintf(&b, "nameserver %s\n", server)
	}
	if len(dns.GetOptions()) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(dns.GetOptions(), " "))
	}
	return []byte(b.String()), nil
}

// setUpHolder starts the first process of a shared process namespace. It is the
// one namespace that a mount cannot hold: it ends with its first process.
func (r *Runtime) setUpHolder(s *sandbox) error {
	if !s.sharedPID() {
		return nil
	}
	return shim.StartHolder(r.cfg.sandboxState(s.ID), func(p shim.Process) error {
		s.Holder = p
		return errors.Join(
			save(r.cfg.sandboxDir(s.ID), s.sandboxRecord),
			r.cgroups.Add(path.Join(s.Cgroup, "holder"), p.PID),
			pin(fmt.Sprintf("/proc/%d/ns/pid", p.PID), r.nsPath(s.ID, "pid")),
		)
	})
}

// connect connects the sandbox to the pod network.
func (r *Runtime) connect(ctx context.Context, s *sandbox) error {
	if s.hostNetwork() || r.cfg.Network == nil {
		return nil
	}
	s.Connected = true
	if err := save(r.cfg.sandboxDir(s.ID), s.sandboxRecord); err != nil {
		return err
	}
	var ports []PortMapping
	for _, p := range s.config.GetPortMappings() {
		ports = append(ports, PortMapping{Protocol: p.GetProtocol(), ContainerPort: p.GetContainerPort(), HostPort: p.GetHostPort(), HostIP: p.GetHostIp()})
	}
	meta := s.config.GetMetadata()
	ips, err := r.cfg.Network.Setup(ctx, r.netnsPath(s), meta.GetNamespace(), meta.GetName(), s.ID, ports...)
	if err != nil {
		return fmt.Errorf("set up network: %w", err)
	}
	s.IPs = ips
	return nil
}
