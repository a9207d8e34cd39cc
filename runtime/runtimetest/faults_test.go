package runtimetest_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
	"github.com/coracle-k8s/coracle/runtime/goroutine/goroutinetest"
	"github.com/coracle-k8s/coracle/runtime/runtimetest"
)

// A fault is a runtime with one thing wrong, and the case that must see it.
type fault struct {
	runtime.Runtime
	exitCode   func(int32) int32
	allPods    bool
	noLabels   bool
	patient    bool
	eager      bool
	mute       bool
	truncate   string
	anyExec    bool
	sameIP     bool
	keepOnStop bool
}

func (f fault) ContainerStatus(ctx context.Context, req *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	resp, err := f.Runtime.ContainerStatus(ctx, req)
	if err != nil {
		return nil, err
	}
	if f.exitCode != nil {
		resp.Status.ExitCode = f.exitCode(resp.Status.ExitCode)
	}
	if f.noLabels {
		resp.Status.Labels = nil
	}
	if f.truncate != "" && resp.Status.State == cri.ContainerState_CONTAINER_EXITED {
		if data, err := os.ReadFile(resp.Status.LogPath); err == nil {
			_ = os.WriteFile(resp.Status.LogPath, bytes.ReplaceAll(data, []byte(f.truncate), nil), 0o600)
		}
	}
	return resp, nil
}

func (f fault) ListPodSandbox(ctx context.Context, req *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	if f.allPods {
		req = &cri.ListPodSandboxRequest{}
	}
	return f.Runtime.ListPodSandbox(ctx, req)
}

func (f fault) StopContainer(ctx context.Context, req *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	if f.eager {
		req.Timeout = 0
	}
	if f.patient {
		defer time.Sleep(time.Duration(req.Timeout) * time.Second / 3600)
		return &cri.StopContainerResponse{}, nil
	}
	return f.Runtime.StopContainer(ctx, req)
}

func (f fault) StopPodSandbox(ctx context.Context, req *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	if f.keepOnStop {
		return &cri.StopPodSandboxResponse{}, nil
	}
	return f.Runtime.StopPodSandbox(ctx, req)
}

func (f fault) StreamExec(ctx context.Context, id string, cmd []string, tty bool, s runtime.Streams) error {
	if f.mute {
		s.Stdout = nil
	}
	return f.Runtime.StreamExec(ctx, id, cmd, tty, s)
}

func (f fault) ExecSync(ctx context.Context, req *cri.ExecSyncRequest) (*cri.ExecSyncResponse, error) {
	if f.anyExec {
		return &cri.ExecSyncResponse{}, nil
	}
	return f.Runtime.ExecSync(ctx, req)
}

func (f fault) PodSandboxStatus(ctx context.Context, req *cri.PodSandboxStatusRequest) (*cri.PodSandboxStatusResponse, error) {
	resp, err := f.Runtime.PodSandboxStatus(ctx, req)
	if err == nil && f.sameIP {
		resp.Status.Network.Ip = "10.0.0.1"
	}
	return resp, err
}

// faults are named for the case that must fail.
var faults = map[string]fault{
	"exit codes":              {exitCode: func(int32) int32 { return 0 }},
	"container round trip":    {noLabels: true},
	"sandbox list":            {allPods: true},
	"sandbox lifecycle":       {keepOnStop: true},
	"sandbox owns containers": {keepOnStop: true},
	"stop with grace":         {patient: true},
	"stop kills":              {eager: true},
	"stop given up":           {eager: true},
	"log content":             {truncate: "5"},
	"log format":              {truncate: "Z"},
	"exec stream":             {mute: true},
	"exec refused":            {anyExec: true},
	"exec sync timeout":       {anyExec: true},
	"many pods at once":       {sameIP: true},
}

const faultsEnv = "CORACLE_RUNTIMETEST_FAULTS"

// TestFaults_Run fails by design; it runs only below TestFaults.
func TestFaults_Run(t *testing.T) {
	if os.Getenv(faultsEnv) == "" {
		t.Skip("it is meant to fail: TestFaults runs it in a process of its own")
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			target := goroutinetest.Target(t)
			f.Runtime, target.Runtime = target.Runtime, nil
			target.Runtime = f
			runtimetest.RunCase(t, name, target)
		})
	}
}

// A kit that cannot fail grades nothing: each fault is seen by its case.
func TestFaults(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFaults_Run$", "-test.v")
	cmd.Env = append(os.Environ(), faultsEnv+"=1")
	cmd.Dir = filepath.Dir(self)
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "the process with the faults fails")
	for name := range faults {
		require.Contains(t, string(out), "--- FAIL: TestFaults_Run/"+strings.ReplaceAll(name, " ", "_")+" ", "the fault is seen")
	}
	require.Contains(t, string(out), "the rule: ", "a failure says which rule it broke")
}
