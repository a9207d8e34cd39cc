//go:build !linux

package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/coracle-k8s/coracle/kubelet"
	"github.com/coracle-k8s/coracle/runtime/image"
)

// A Machine needs Linux.
type Machine struct{}

var errLinux = fmt.Errorf("nodes with runc need Linux: use nodes in memory (--runtime goroutine): %w", errors.ErrUnsupported)

// NewMachine needs Linux.
func NewMachine(MachineConfig) (*Machine, error) { return nil, errLinux }

// Images is nothing: no Machine is ever made here.
func (*Machine) Images() *image.Store { return nil }

// PurgeMachine has nothing to remove.
func PurgeMachine(context.Context, MachineConfig) error { return nil }

// Open needs Linux.
func (*Machine) Open(context.Context, *Cluster) (Access, error) { return Access{}, errLinux }

// RunShared needs Linux.
func (*Machine) RunShared(context.Context, *Cluster) error { return errLinux }

// RunNode needs Linux.
func (*Machine) RunNode(context.Context, *Cluster, NodeConfig, int, func(*kubelet.Kubelet)) error {
	return errLinux
}

// Close does nothing.
func (*Machine) Close() error { return nil }
