package goroutine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// container is one run of a program. It goes through three states and never
// back:
//
//	CREATED ──StartContainer──► RUNNING ──program returns, or kill──► EXITED
type container struct {
	id        string
	runtime   *Runtime
	sandbox   *sandbox
	config    *cri.ContainerConfig
	image     pulledImage
	createdAt time.Time
	files     *files
	usage     usage

	signals  chan os.Signal
	stopping context.Context // ends when a stop begins
	stop     context.CancelFunc
	ended    chan struct{} // closed when EXITED

	execMu sync.Mutex // guards exec
	exec   map[string]Program

	// Guarded by Runtime.mu.
	state      cri.ContainerState
	ending     bool // EXITED soon: somebody is cleaning up
	startedAt  time.Time
	finishedAt time.Time
	exitCode   int32
	reason     string
	resources  *cri.LinuxContainerResources
	stdio      *stdio // from here on nil until RUNNING
	host       *Host
	run        context.Context
	cancel     context.CancelFunc
}

// CreateContainer implements the CRI call.
func (r *Runtime) CreateContainer(_ context.Context, req *cri.CreateContainerRequest) (*cri.CreateContainerResponse, error) {
	s, err := r.sandbox(req.PodSandboxId)
	if err != nil {
		return nil, err
	}
	if err := checkContainer(req.Config); err != nil {
		return nil, err
	}
	image, err := r.image(req.Config.GetImage().GetImage())
	if err != nil {
		return nil, err
	}
	c := newContainer(r, s, req.Config, image)
	if err := r.addContainer(c); err != nil {
		return nil, err
	}
	r.emit(s, c.id, cri.ContainerEventType_CONTAINER_CREATED_EVENT)
	return &cri.CreateContainerResponse{ContainerId: c.id}, nil
}

// checkContainer refuses what cannot be honoured. What confines a process
// (users, capabilities, seccomp) has no meaning for a function and is accepted.
func checkContainer(config *cri.ContainerConfig) error {
	switch {
	case config.GetMetadata().GetName() == "":
		return invalid("container metadata needs a name")
	case len(config.Devices) > 0 || len(config.CDIDevices) > 0:
		return invalid("container %s: the goroutine runtime has no devices", config.Metadata.Name)
	}
	for _, m := range config.Mounts {
		if m.GetImage().GetImage() != "" {
			return invalid("container %s: mount %s: the goroutine runtime cannot mount images", config.Metadata.Name, m.ContainerPath)
		}
		if m.HostPath == "" || m.ContainerPath == "" {
			return invalid("container %s: a mount needs a host path and a container path", config.Metadata.Name)
		}
	}
	return nil
}

func newContainer(r *Runtime, s *sandbox, config *cri.ContainerConfig, image pulledImage) *container {
	c := &container{
		id: newID(), runtime: r, sandbox: s, config: config, image: image, createdAt: time.Now(),
		files:     newFiles(r.config.RootDir, config.Mounts),
		signals:   make(chan os.Signal, 8),
		ended:     make(chan struct{}),
		exec:      map[string]Program{},
		state:     cri.ContainerState_CONTAINER_CREATED,
		resources: config.GetLinux().GetResources(),
	}
	c.stopping, c.stop = context.WithCancel(context.Background())
	c.usage.setLimits(c.resources)
	return c
}

func (r *Runtime) addContainer(c *container) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.checkOpenLocked(); err != nil {
		return err
	}
	if !c.sandbox.ready {
		return status.Errorf(codes.FailedPrecondition, "pod sandbox %q is not ready", c.sandbox.id)
	}
	for _, other := range r.containers {
		if other.sandbox == c.sandbox && other.name() == c.name() {
			return status.Errorf(codes.AlreadyExists, "container %s exists already: %s", c.name(), other.id)
		}
	}
	r.containers[c.id] = c
	return nil
}

func (c *container) name() string {
	return fmt.Sprintf("%s_%d", c.config.Metadata.Name, c.config.Metadata.Attempt)
}

// logPath is the file of the container's log, empty for none.
func (c *container) logPath() string {
	directory := c.sandbox.config.LogDirectory
	if directory == "" || c.config.LogPath == "" {
		return ""
	}
	return filepath.Join(directory, c.config.LogPath)
}

// StartContainer implements the CRI call: the program runs on a goroutine of
// its own from here on.
func (r *Runtime) StartContainer(_ context.Context, req *cri.StartContainerRequest) (*cri.StartContainerResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return nil, err
	}
	log, err := openLog(c.logPath())
	if err != nil {
		return nil, status.Errorf(codes.Unknown, "start container %q: %v", c.id, err)
	}
	p, err := c.begin(newStdio(log, c.config))
	if err != nil {
		_ = log.close()
		return nil, err
	}
	// Started comes before whatever the program leads to.
	r.emit(c.sandbox, c.id, cri.ContainerEventType_CONTAINER_STARTED_EVENT)
	go func() {
		defer r.programs.Done()
		runProgram(c.run, c.image.Program, p, func(code int) { c.finish(int32(code), "", (*Host).Close) })
		p.HTTP.CloseIdleConnections()
	}()
	return &cri.StartContainerResponse{}, nil
}

// begin takes the step from CREATED to RUNNING. It counts the program that the
// caller starts.
func (c *container) begin(stdio *stdio) (*Process, error) {
	r := c.runtime
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.checkOpenLocked(); err != nil {
		return nil, err
	}
	if c.state != cri.ContainerState_CONTAINER_CREATED || !c.sandbox.ready {
		return nil, status.Errorf(codes.FailedPrecondition, "start container %q: it is %s and its sandbox %s", c.id, c.state, c.sandbox.stateLocked())
	}
	c.state, c.startedAt, c.stdio = cri.ContainerState_CONTAINER_RUNNING, time.Now(), stdio
	c.host = c.newHost()
	c.run, c.cancel = context.WithCancel(context.Background())
	c.usage.start()
	r.programs.Add(1)

	p := c.newProcess(c.args(), c.host)
	p.Stdin, p.Stdout, p.Stderr = stdio.input(), stdio.output("stdout"), stdio.output("stderr")
	p.TTY, p.Resize = c.config.Tty, stdio.resize
	p.Signals, p.stopping = c.signals, c.stopping
	return p, nil
}

// finish takes the step from RUNNING to EXITED, once; others who want it wait
// until it is done. Output comes first, so that who sees EXITED sees all of it.
func (c *container) finish(code int32, reason string, leave func(*Host)) {
	r := c.runtime
	r.mu.Lock()
	if c.state != cri.ContainerState_CONTAINER_RUNNING || c.ending {
		running := c.ending
		r.mu.Unlock()
		if running {
			<-c.ended
		}
		return
	}
	c.ending = true
	r.mu.Unlock()

	if err := c.stdio.close(); err != nil {
		r.config.Logger.Error("close container output", "container", c.id, "err", err)
	}
	c.cancel()
	c.stop()
	leave(c.host)
	c.usage.stop()

	r.mu.Lock()
	c.state, c.finishedAt, c.exitCode, c.reason = cri.ContainerState_CONTAINER_EXITED, time.Now(), code&0xff, reason
	if reason == "" {
		c.reason = "Completed"
		if c.exitCode != 0 {
			c.reason = "Error"
		}
	}
	r.mu.Unlock()
	close(c.ended)
	r.emit(c.sandbox, c.id, cri.ContainerEventType_CONTAINER_STOPPED_EVENT)
}
