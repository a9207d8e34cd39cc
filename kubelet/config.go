package kubelet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	goruntime "runtime"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/runtime"
)

// Config says which node a [Kubelet] is and what it works with.
type Config struct {
	// NodeName is the name of the Node object. Required.
	NodeName string
	// Client reaches the API server. Required.
	Client *client.Client
	// Runtime runs the containers. If it is a [runtime.Streamer] too, exec,
	// attach and port-forward are served; else they answer 501. Required.
	Runtime runtime.Service
	// RootDir is the folder for volumes, logs and other files of pods. Required.
	RootDir string
	// LogDir is the folder of container logs, by default RootDir/logs.
	LogDir string

	// NodeIP is the node's address: that of pods on the host's network, and the
	// one under which the API server finds this kubelet's server. By default
	// 127.0.0.1.
	NodeIP string
	// Port is where this kubelet's server listens, as told to the API server.
	// Zero says nothing. The port is opened by whoever calls [Kubelet.Serve].
	Port int32
	// PodCIDR is the range of the pods' addresses. Empty means that the one in
	// the Node object's spec counts, which the runtime is told.
	PodCIDR string
	// ClusterDNS are the name servers of pods, ClusterDomain their search
	// domain, by default cluster.local.
	ClusterDNS    []string
	ClusterDomain string
	// ResolvConf is the resolv.conf file that pods of dnsPolicy Default get, and
	// whose name servers the others get where there is no cluster DNS. Empty
	// means none.
	ResolvConf string

	// Capacity is what the node has. Of cpu, memory, ephemeral-storage and pods,
	// those that are missing are found out; 110 pods.
	Capacity corev1.ResourceList
	// Reserved is kept from pods: allocatable is Capacity less it.
	Reserved corev1.ResourceList
	// Labels are further labels of the Node object, Taints the taints it is
	// registered with.
	Labels map[string]string
	Taints []corev1.Taint

	// CgroupRoot is the cgroup below which kubepods is, such as "/" or
	// "/coracle/node1". Empty leaves cgroups to the runtime.
	CgroupRoot string
	// PlainVolumes keeps volumes to plain folders and files: no tmpfs, no change
	// of owners. It is for runtimes that run no real processes.
	PlainVolumes bool
	// Dial connects to pods for probes and hooks; a node that has a network of
	// its own passes its own. By default the machine's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Recorder takes events; nil drops them. Whoever made it runs it.
	Recorder *client.Recorder
	// Logger takes the log; nil drops it.
	Logger *slog.Logger
	// Authorize decides who may use [Kubelet.Handler]: a nil error lets a request
	// pass. Nil lets all pass. /healthz is always open.
	Authorize func(*http.Request) error

	// StatusInterval is how often the node's status is checked, and written if
	// it changed; ReportInterval how often it is written anyway. By default 10 s
	// and 5 min.
	StatusInterval, ReportInterval time.Duration
	// LeaseDuration is for how long the node counts as alive without a sign of
	// life; one is given every quarter of it. By default 40 s.
	LeaseDuration time.Duration
	// RelistInterval is how often the runtime is asked for all its containers,
	// by default every second, or every 5 min where it tells events by itself.
	RelistInterval time.Duration
	// LogMaxSize is the size in bytes from which a container's log is rotated,
	// LogMaxFiles how many files of it are kept. By default 10 MiB and 5. Sizes
	// are looked at every LogCheckInterval, by default 10 s.
	LogMaxSize       int64
	LogMaxFiles      int
	LogCheckInterval time.Duration

	// StopPodsOnExit makes the end of Run stop the pods of the node. Otherwise
	// they go on, and the next kubelet on RootDir picks them up.
	StopPodsOnExit bool
}

// withDefaults returns the configuration with every field filled in.
func (c Config) withDefaults() (Config, error) {
	if err := c.validate(); err != nil {
		return c, fmt.Errorf("new kubelet: %w", err)
	}
	root, err := filepath.Abs(c.RootDir)
	if err != nil {
		return c, fmt.Errorf("new kubelet: root folder: %w", err)
	}
	c.RootDir = root
	orDefault(&c.LogDir, filepath.Join(root, "logs"))
	orDefault(&c.NodeIP, "127.0.0.1")
	orDefault(&c.ClusterDomain, "cluster.local")
	orDefault(&c.StatusInterval, 10*time.Second)
	orDefault(&c.ReportInterval, 5*time.Minute)
	orDefault(&c.LeaseDuration, 40*time.Second)
	orDefault(&c.LogMaxSize, 10<<20)
	orDefault(&c.LogMaxFiles, 5)
	orDefault(&c.LogCheckInterval, 10*time.Second)
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = c.Logger.With("node", c.NodeName)
	c.Capacity = detectCapacity(c.Capacity, root)
	return c, nil
}

func (c Config) validate() error {
	switch {
	case c.NodeName == "":
		return errors.New("node name is missing")
	case len(validation.IsDNS1123Subdomain(c.NodeName)) > 0:
		return fmt.Errorf("node name %q is not a DNS subdomain", c.NodeName)
	case c.Client == nil:
		return errors.New("client is missing")
	case c.Runtime == nil:
		return errors.New("runtime is missing")
	case c.RootDir == "":
		return errors.New("root folder is missing")
	case c.NodeIP != "" && net.ParseIP(c.NodeIP) == nil:
		return fmt.Errorf("node address %q is not an IP address", c.NodeIP)
	}
	return nil
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// operatingSystem and architecture are how Kubernetes calls this machine's.
const (
	operatingSystem = goruntime.GOOS
	architecture    = goruntime.GOARCH
)
