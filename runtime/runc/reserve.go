//go:build linux

package runc

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Callers make a sandbox or a container anew under the next attempt's number, so
// the same attempt twice is a mistake: a call repeated by accident. A name is
// reserved from before the work begins until the thing is removed.

func sandboxKey(m *cri.PodSandboxMetadata) string {
	return fmt.Sprintf("pod %s/%s (%s) attempt %d", m.GetNamespace(), m.GetName(), m.GetUid(), m.GetAttempt())
}

func containerKey(sandboxID string, m *cri.ContainerMetadata) string {
	return fmt.Sprintf("container %s attempt %d of pod sandbox %s", m.GetName(), m.GetAttempt(), sandboxID)
}

func (r *Runtime) reserve(key, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if holder, ok := r.names[key]; ok {
		return status.Errorf(codes.AlreadyExists, "%s is there already: %s", key, holder)
	}
	r.names[key] = id
	return nil
}

// forgetName gives a name free if id holds it.
func (r *Runtime) forgetName(key, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.names[key] == id {
		delete(r.names, key)
	}
}
