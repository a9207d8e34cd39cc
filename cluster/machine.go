package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
)

// MachineConfig says where the nodes of this machine keep their things.
type MachineConfig struct {
	// Dir is the directory of all that outlives a restart: images, volumes, the
	// nodes' files. Required.
	Dir string
	// RunDir is for what is gone after a reboot, by default /run/coracle/ID.
	RunDir string
	// RuncPath is the runc program; empty means the one that is found.
	RuncPath string
	// Uplink connects the nodes' network to the machine's own, so that pods
	// reach the world and the machine reaches nodes and pods.
	Uplink bool
	// KeepPods leaves pods and their network running when the cluster ends, for
	// the next one on the same Dir. Otherwise nothing is left behind.
	KeepPods bool
	// Upstream are the DNS servers for names outside the cluster, as host:port.
	Upstream []string
	// Logger gets what goes wrong; nil discards it.
	Logger *slog.Logger
}

// ID is a short name for a data directory, the same each time: it is in the
// names of links and cgroups, by which what a dead process left is found again.
func (c MachineConfig) ID() string {
	sum := sha256.Sum256([]byte(filepath.Clean(c.Dir)))
	return hex.EncodeToString(sum[:4])
}

func (c MachineConfig) withDefaults() (MachineConfig, error) {
	if c.Dir == "" {
		return c, errors.New("machine: no data directory")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, fmt.Errorf("machine: %w", err)
	}
	c.Dir = dir
	if c.RunDir == "" {
		c.RunDir = filepath.Join("/run/coracle", c.ID())
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func (c MachineConfig) cgroup() string { return "/coracle-" + c.ID() }

func (c MachineConfig) uplink() string {
	if !c.Uplink {
		return ""
	}
	return "cor-" + c.ID()
}

// VolumeDir is where provisioned volumes are.
func (c MachineConfig) VolumeDir() string { return filepath.Join(c.Dir, "volumes") }

// ImageDir is where images are, shared by all nodes.
func (c MachineConfig) ImageDir() string { return filepath.Join(c.Dir, "images") }
