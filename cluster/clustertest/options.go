package clustertest

import (
	"log/slog"

	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// An Option changes the cluster that [New] starts.
type Option func(*settings)

// settings are what options change.
type settings struct {
	cluster    cluster.Config
	memory     cluster.MemoryConfig
	images     *goroutine.Registry
	kubeconfig bool
	level      slog.Level
}

// WithNodes sets the number of nodes, by default two. They are named node-1 and
// so on. With none, pods stay Pending.
func WithNodes(n int) Option {
	return func(s *settings) { s.cluster.Nodes = cluster.Nodes(n) }
}

// WithImage lets containers of an image run a program; see
// [Cluster.RegisterImage].
func WithImage(name string, program goroutine.Program) Option {
	return func(s *settings) { s.images.Add(name, goroutine.Image{Program: program}) }
}

// WithKubeconfig opens the API on a port of this machine's loopback, for clients
// that want an address: client-go, controller-runtime, kubectl. See
// [Cluster.Kubeconfig]. It cannot be used in a synctest bubble, whose time would
// stand still while somebody waits on a socket.
func WithKubeconfig() Option {
	return func(s *settings) { s.kubeconfig = true }
}

// WithLog shows what the cluster's parts log from a level on, by default
// slog.LevelError. The test's output has it, so it is seen with -v or on failure.
func WithLog(level slog.Level) Option {
	return func(s *settings) { s.level = level }
}

// WithConfig changes what is not worth an option of its own: parts to leave out,
// admission hooks, labels of nodes, how long a silent node is waited for.
func WithConfig(change func(*cluster.Config)) Option {
	return func(s *settings) { change(&s.cluster) }
}

// WithMemory changes what the nodes have and what their containers run.
func WithMemory(change func(*cluster.MemoryConfig)) Option {
	return func(s *settings) { change(&s.memory) }
}
