package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runc"
	"github.com/coracle-k8s/coracle/store/boltstore"
)

// TestMain lets this program be the companion of a container, too.
func TestMain(m *testing.M) {
	runc.ShimMain()
	os.Exit(m.Run())
}

// BenchmarkMachine measures what a person waits for on a real machine: from the
// request that creates a pod to its container running, with runc, a network of
// its own, and every write durable. Beside it stands what runc alone takes to
// run the same program. The median is p50-ms.
func BenchmarkMachine(b *testing.B) {
	m := newMachine(b)
	b.Run("floor=runc_run", m.benchmarkFloor)
	b.Run("create_to_running", m.benchmarkPod)
}

// A machine is a cluster of one runc node.
type machine struct {
	dir    string
	runc   string
	client *client.Client
	images *image.Store
}

// newMachine runs a cluster until the benchmark ends, and skips where there can
// be none.
func newMachine(b *testing.B) *machine {
	if os.Geteuid() != 0 {
		b.Skip("needs root: containers are made of namespaces, mounts and cgroups")
	}
	if _, err := exec.LookPath("nft"); err != nil {
		b.Skipf("needs nftables: %v", err)
	}
	m := &machine{dir: b.TempDir(), runc: "../bin/runc"}
	if _, err := os.Stat(m.runc); err != nil {
		if m.runc, err = runc.Find(); err != nil {
			b.Skipf("needs runc: %v", err)
		}
	}
	var err error
	m.runc, err = filepath.Abs(m.runc)
	require.NoError(b, err)
	backend, err := cluster.NewMachine(cluster.MachineConfig{Dir: m.dir, RuncPath: m.runc})
	require.NoError(b, err)
	m.images = backend.Images()
	guest, err := image.BuildGo(b.Context(), image.GoBuild{Package: "../runtime/runtimetest/guest", Args: []string{"sleep"}})
	require.NoError(b, err)
	_, err = m.images.Add(b.Context(), guest, "guest:v1")
	require.NoError(b, err)
	m.start(b, backend)
	return m
}

func (m *machine) start(b *testing.B, backend cluster.Backend) {
	st, err := boltstore.Open(filepath.Join(m.dir, "store.db"), boltstore.Options{})
	require.NoError(b, err)
	c, err := cluster.New(cluster.Config{Store: st, Nodes: cluster.Nodes(1), Backend: backend})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		require.NoError(b, <-ended)
		require.NoError(b, st.Close())
	})
	<-c.Ready()
	m.client = c.Admin()
	await(b, ctx, client.For[*corev1.Node](m.client), "", func(n *corev1.Node) bool {
		return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
			return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
		})
	})
	await(b, ctx, client.For[*corev1.ServiceAccount](m.client), metav1.NamespaceDefault,
		func(a *corev1.ServiceAccount) bool { return a.Name == "default" })
}

func (m *machine) benchmarkPod(b *testing.B) {
	m.runPod(b, "warm") // unpacks the image
	var scheduled, running []time.Duration
	for i := 0; b.Loop(); i++ {
		s, r := m.runPod(b, fmt.Sprintf("pod-%d", i))
		scheduled, running = append(scheduled, s), append(running, r)
	}
	reportMedian(b, scheduled, "p50-ms-to-node")
	reportMedian(b, running, "p50-ms")
}

// runPod returns how long a pod took until it had a node, and until it ran. It
// is gone afterwards.
func (m *machine) runPod(b *testing.B, name string) (scheduled, running time.Duration) {
	pods := client.For[*corev1.Pod](m.client)
	began := time.Now()
	_, err := pods.Create(b.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "guest", Image: "guest:v1"}}},
	})
	require.NoError(b, err)
	await(b, b.Context(), pods, metav1.NamespaceDefault, func(p *corev1.Pod) bool {
		if p.Name == name && p.Spec.NodeName != "" && scheduled == 0 {
			scheduled = time.Since(began)
		}
		return p.Name == name && p.Status.Phase == corev1.PodRunning
	})
	running = time.Since(began)
	b.StopTimer()
	defer b.StartTimer()
	require.NoError(b, pods.Delete(b.Context(), "default", name, client.GracePeriod(1)))
	require.Eventually(b, func() bool {
		_, err := pods.Get(b.Context(), "default", name)
		return apierrors.IsNotFound(err)
	}, 30*time.Second, 10*time.Millisecond)
	return scheduled, running
}

// benchmarkFloor is "runc run --detach" of the same program in the simplest bundle.
func (m *machine) benchmarkFloor(b *testing.B) {
	layers, err := m.images.Unpack(b.Context(), "guest:v1")
	require.NoError(b, err)
	bundle, root := b.TempDir(), b.TempDir()
	require.NoError(b, os.CopyFS(filepath.Join(bundle, "rootfs"), os.DirFS(layers[len(layers)-1])))
	m.writeSpec(b, bundle)
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		require.NoError(b, exec.Command(m.runc, "--root", root, "run", "--detach", "--bundle", bundle, "floor").Run())
		took = append(took, time.Since(began))
		b.StopTimer()
		require.NoError(b, exec.Command(m.runc, "--root", root, "delete", "--force", "floor").Run())
		b.StartTimer()
	}
	reportMedian(b, took, "p50-ms")
}

// writeSpec lets runc write its standard config, which then runs the guest.
func (m *machine) writeSpec(b *testing.B, bundle string) {
	spec := exec.Command(m.runc, "spec")
	spec.Dir = bundle
	require.NoError(b, spec.Run())
	file := filepath.Join(bundle, "config.json")
	raw, err := os.ReadFile(file)
	require.NoError(b, err)
	var config map[string]any
	require.NoError(b, json.Unmarshal(raw, &config))
	process := config["process"].(map[string]any)
	process["terminal"], process["args"] = false, []string{"/app/guest", "sleep"}
	raw, err = json.Marshal(config)
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(file, raw, 0o600))
}

func reportMedian(b *testing.B, took []time.Duration, unit string) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, unit)
}
