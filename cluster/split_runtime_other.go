//go:build !linux

package cluster

import "context"

// openRunc needs Linux.
func (n *NodeProcess) openRunc(context.Context) (*nodeRuntime, error) { return nil, errLinux }
