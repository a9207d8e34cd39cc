package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// kubectl is the stock program, used as a person would.
type kubectl struct {
	path       string
	kubeconfig string
}

// findKubectl looks beside this program, in ./bin, and on the path.
func findKubectl() (kubectl, error) {
	candidates := []string{filepath.Join("bin", "kubectl")}
	if self, err := os.Executable(); err == nil {
		candidates = append([]string{filepath.Join(filepath.Dir(self), "kubectl")}, candidates...)
	}
	for _, path := range candidates {
		if abs, err := filepath.Abs(path); err == nil {
			if found, err := exec.LookPath(abs); err == nil {
				return kubectl{path: found}, nil
			}
		}
	}
	path, err := exec.LookPath("kubectl")
	if err != nil {
		return kubectl{}, errors.New("kubectl is neither in ./bin nor on the path: make kubectl builds it")
	}
	return kubectl{path: path}, nil
}

// command returns a command that is asked to end, and not killed, with ctx.
func (k kubectl) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, k.path, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+k.kubeconfig)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// run runs kubectl and returns what it prints. The error has what it says.
func (k kubectl) run(ctx context.Context, args ...string) (string, error) {
	var out, errOut bytes.Buffer
	cmd := k.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errOut.String()))
	}
	return out.String(), nil
}
