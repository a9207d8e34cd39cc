package clustertest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// A Cluster is a running cluster that ends with its test. Its methods fail the
// test when they cannot do what they say; like t.FailNow, those that may must be
// called from the test's own goroutine. The others are safe for concurrent use.
type Cluster struct {
	t          testing.TB
	cluster    *cluster.Cluster
	memory     *cluster.Memory
	images     *goroutine.Registry
	admin      *client.Client
	kubeconfig string
	server     string
	applied    map[types.UID][]byte // what Apply last set, JSON
}

// New starts a cluster and returns when it can be used: its nodes are Ready, and
// pods can be created in the namespace default. It fails the test if that does
// not come to pass.
func New(t testing.TB, opts ...Option) *Cluster {
	t.Helper()
	s := settings{
		cluster: cluster.Config{Nodes: cluster.Nodes(2)},
		memory:  cluster.MemoryConfig{Dir: t.TempDir()},
		images:  goroutine.NewRegistry(nil), level: slog.LevelError,
	}
	for _, opt := range opts {
		opt(&s)
	}
	c := &Cluster{t: t, images: s.images, applied: map[types.UID][]byte{}}
	if s.cluster.Logger == nil {
		s.cluster.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: s.level}))
	}
	if s.kubeconfig {
		s.cluster.Listeners = append(s.cluster.Listeners, c.listen())
	}
	if s.memory.Images == nil {
		s.memory.Images = s.images
	}
	c.memory = cluster.NewMemory(s.memory)
	s.cluster.Backend = c.memory
	var err error
	if c.cluster, err = cluster.New(s.cluster); err != nil {
		t.Fatal(err)
	}
	c.admin = c.cluster.Admin()
	c.run()
	c.awaitStart(s.cluster)
	if s.kubeconfig {
		c.writeKubeconfig()
	}
	return c
}

// run runs the cluster until the test ends.
func (c *Cluster) run() {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.cluster.Run(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			c.t.Errorf("the cluster ended: %v", err)
		}
	})
	select {
	case <-c.cluster.Ready():
	case err := <-ended:
		ended <- nil // for the cleanup
		c.t.Fatalf("the cluster did not start: %v", err)
	}
}

// awaitStart waits for what the parts make once they run.
func (c *Cluster) awaitStart(cfg cluster.Config) {
	c.t.Helper()
	ctx := c.t.Context()
	c.WaitFor("the cluster's first objects", func() bool {
		_, err := client.For[*storagev1.StorageClass](c.admin).Get(ctx, "", "shared")
		return err == nil
	})
	if !slices.Contains(cfg.Without, cluster.ControllerManager) {
		c.WaitFor("the ServiceAccount of pods", func() bool {
			_, err := client.For[*corev1.ServiceAccount](c.admin).Get(ctx, metav1.NamespaceDefault, "default")
			return err == nil
		})
	}
	c.WaitFor(fmt.Sprintf("%d Ready nodes", len(cfg.Nodes)), func() bool {
		ready := 0
		for _, node := range List[*corev1.Node](c, "", "") {
			// It is a controller that takes away the taint of a new node.
			if nodeReady(node) && (len(node.Spec.Taints) == 0 || slices.Contains(cfg.Without, cluster.ControllerManager)) {
				ready++
			}
		}
		return ready == len(cfg.Nodes)
	})
}

func nodeReady(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// Client returns a client that may do everything.
func (c *Cluster) Client() *client.Client { return c.admin }

// ClientAs returns a client with the rights of a user: what RBAC grants.
func (c *Cluster) ClientAs(user string, groups ...string) *client.Client {
	return c.cluster.Client(user, groups...)
}

// For returns the administrator's typed client of a kind:
//
//	clustertest.For[*corev1.Pod](c).Delete(ctx, "default", "web")
func For[T api.Object](c *Cluster) *client.Kind[T] { return client.For[T](c.admin) }

// Get returns an object that must be there.
func Get[T api.Object](c *Cluster, namespace, name string) T {
	c.t.Helper()
	obj, err := For[T](c).Get(c.t.Context(), namespace, name)
	if err != nil {
		c.t.Fatal(err)
	}
	return obj
}

// List returns the objects of a namespace ("" for all) that a label selector
// ("" for any) chooses, in the order of their names.
func List[T api.Object](c *Cluster, namespace, selector string) []T {
	c.t.Helper()
	list, err := For[T](c).List(c.t.Context(), namespace, client.ListOptions{LabelSelector: selector})
	if err != nil {
		c.t.Fatal(err)
	}
	return list.Items
}

// StopNode ends a node's kubelet and its containers, as a power cut would:
// nobody is told. The node counts as gone 40 s later, and its pods are replaced
// when they no longer tolerate that, by default after another five minutes.
func (c *Cluster) StopNode(name string) {
	c.t.Helper()
	if err := c.cluster.StopNode(name); err != nil {
		c.t.Fatal(err)
	}
}

// StartNode starts a node again that was stopped. It does not wait for it to be
// Ready.
func (c *Cluster) StartNode(name string) {
	c.t.Helper()
	if err := c.cluster.StartNode(name); err != nil {
		c.t.Fatal(err)
	}
}

// RegisterImage lets containers of an image, such as "web:v2", run a program from
// now on. A node that has pulled the image before keeps what it has.
func (c *Cluster) RegisterImage(name string, program goroutine.Program) {
	c.images.Add(name, goroutine.Image{Program: program})
}

// Kubeconfig returns the path of a kubeconfig file of an administrator, for
// programs outside; the cluster must have been made with [WithKubeconfig]. The
// file is gone when the test ends.
func (c *Cluster) Kubeconfig() string {
	c.t.Helper()
	if c.kubeconfig == "" {
		c.t.Fatal("the cluster has no kubeconfig: make it with clustertest.WithKubeconfig()")
	}
	return c.kubeconfig
}

// listen opens the port that kubeconfig will name.
func (c *Cluster) listen() net.Listener {
	c.t.Helper()
	if inBubble() {
		c.t.Fatal("clustertest.WithKubeconfig opens a socket, which stops the time of a synctest bubble: leave the bubble, or use Client")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	c.server = "https://" + l.Addr().String()
	return l
}

// inBubble reports whether the caller is in a synctest bubble, outside of which
// synctest.Wait panics.
func inBubble() (in bool) {
	defer func() { in = recover() == nil }()
	synctest.Wait()
	return
}

func (c *Cluster) writeKubeconfig() {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "kubeconfig")
	if err := c.cluster.Config().PKI.WriteKubeconfig(path, pki.Kubeconfig{
		Server: c.server, User: pki.UserAdmin, Groups: []string{pki.GroupMasters},
	}); err != nil {
		c.t.Fatal(err)
	}
	c.kubeconfig = path
}
