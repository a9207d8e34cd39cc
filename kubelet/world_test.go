package kubelet_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/kubelet"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A world is an API server and a runtime, in memory, for kubelets to work with.
type world struct {
	t        *testing.T
	dir      string
	client   *client.Client
	images   *goroutine.Registry
	runtime  *goroutine.Runtime
	kubelet  *kubelet.Kubelet
	recorder *client.Recorder
	config   kubelet.Config
	outage   switchable
	stop     func()
	real     bool // real time: not in a bubble
	mu       sync.Mutex
	tokens   int
}

// switchable is a transport that can be cut off.
type switchable struct {
	http.RoundTripper
	mu  sync.Mutex
	err error
}

func (s *switchable) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	err := s.err
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.RoundTripper.RoundTrip(r)
}

func (s *switchable) cut(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

type allowAll struct{}

func (allowAll) Authorize(context.Context, *apiserver.Attributes) (apiserver.Decision, string, error) {
	return apiserver.Allow, "", nil
}

func (allowAll) Authenticate(*http.Request) (*apiserver.User, error) {
	return &apiserver.User{Name: "test", Groups: []string{"system:masters"}}, nil
}

// inWorld runs a test in a bubble, in a world with a running kubelet.
func inWorld(t *testing.T, images map[string]goroutine.Image, test func(t *testing.T, w *world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, dir, images)
		w.start()
		test(t, w)
	})
}

func newWorld(t *testing.T, dir string, images map[string]goroutine.Image) *world {
	w := &world{t: t, dir: dir, images: goroutine.NewRegistry(images)}
	store := memstore.New()
	storage := apiserver.NewStorage(store, kinds.Registry(), nil)
	server, err := apiserver.New(apiserver.Config{
		Storage: storage, Authorizer: allowAll{}, Authenticators: []apiserver.Authenticator{allowAll{}},
		Connectors: map[string]apiserver.Connector{"serviceaccounts/token": tokenMaker{w}},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done; store.Close() })
	<-server.Ready()
	w.outage.RoundTripper = client.InMemory(server)
	w.client, err = client.New(client.Config{BaseURL: "http://test", Transport: client.InMemory(server)})
	require.NoError(t, err)
	for _, name := range []string{"default", corev1.NamespaceNodeLease} {
		_, err = client.For[*corev1.Namespace](w.client).Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
		require.NoError(t, err)
	}
	_, err = client.For[*corev1.ServiceAccount](w.client).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: "default"}})
	require.NoError(t, err)
	w.runtime = goroutine.New(goroutine.Config{
		Images: w.images, NodeIP: netip.MustParseAddr("10.0.0.9"), RootDir: dir, Logger: w.logger(),
	})
	t.Cleanup(func() { w.runtime.Close() })
	kubeletClient, err := client.New(client.Config{BaseURL: "http://test", Transport: &w.outage})
	require.NoError(t, err)
	w.config = kubelet.Config{
		NodeName: "n1", Client: kubeletClient, Runtime: w.runtime, RootDir: filepath.Join(dir, "kubelet"),
		NodeIP: "10.0.0.9", PodCIDR: "10.1.0.0/24", ClusterDNS: []string{"10.96.0.10"},
		Capacity: corev1.ResourceList{"cpu": resource.MustParse("4"), "memory": resource.MustParse("8Gi"), "pods": resource.MustParse("10")},
		Dial:     w.runtime.Network().Dial, PlainVolumes: true, Logger: w.logger(),
	}
	return w
}

func (w *world) logger() *slog.Logger {
	level := slog.LevelWarn
	if os.Getenv("KUBELET_TEST_DEBUG") != "" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: level}))
}

// start runs a kubelet until stop is called.
func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	w.recorder = client.NewRecorder(w.client, "kubelet", "n1")
	w.config.Recorder = w.recorder
	k, err := kubelet.New(w.config)
	require.NoError(w.t, err)
	w.kubelet = k
	var parts sync.WaitGroup
	parts.Go(func() { _ = k.Run(ctx) })
	parts.Go(func() { _ = w.recorder.Run(ctx) })
	w.stop = sync.OnceFunc(func() { cancel(); parts.Wait() })
	w.t.Cleanup(w.stop)
	w.eventually("the node is ready", func() bool {
		node, err := client.For[*corev1.Node](w.client).Get(ctx, "", "n1")
		if err != nil {
			return false
		}
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady {
				return c.Status == corev1.ConditionTrue
			}
		}
		return false
	})
}

// eventually waits, in virtual time, for something to come true.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	tries := 12_000 // ten minutes
	if w.real {
		tries = 600 // half a minute
	}
	for range tries {
		if !w.real {
			synctest.Wait()
		}
		if ok() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, pod := range w.pods() {
		w.t.Logf("pod %s: %s", pod.Name, pod.Status.String())
	}
	require.Fail(w.t, "never happened: "+what)
}

func (w *world) pods() []*corev1.Pod {
	list, err := client.For[*corev1.Pod](w.client).List(context.Background(), "", client.ListOptions{})
	require.NoError(w.t, err)
	return list.Items
}

// create makes a pod that is bound to the node.
func (w *world) create(pod *corev1.Pod) *corev1.Pod {
	w.t.Helper()
	pod.Namespace, pod.Spec.NodeName = "default", "n1"
	stored, err := client.For[*corev1.Pod](w.client).Create(context.Background(), pod)
	require.NoError(w.t, err)
	return stored
}

// get returns a pod, nil if there is none.
func (w *world) get(name string) *corev1.Pod {
	pod, err := client.For[*corev1.Pod](w.client).Get(context.Background(), "default", name)
	if err != nil {
		return nil
	}
	return pod
}

func (w *world) until(name, what string, ok func(*corev1.Pod) bool) *corev1.Pod {
	w.t.Helper()
	var pod *corev1.Pod
	w.eventually(name+": "+what, func() bool {
		pod = w.get(name)
		return pod != nil && ok(pod)
	})
	return pod
}

func (w *world) ready(name string) *corev1.Pod {
	w.t.Helper()
	return w.until(name, "is ready", isReady)
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (w *world) delete(name string, opts ...client.DeleteOption) {
	w.t.Helper()
	require.NoError(w.t, client.For[*corev1.Pod](w.client).Delete(context.Background(), "default", name, opts...))
}

// events are the reasons of the events about an object, in order.
func (w *world) events(name string) []string {
	list, err := client.For[*corev1.Event](w.client).List(context.Background(), "default", client.ListOptions{})
	require.NoError(w.t, err)
	var reasons []string
	for _, e := range list.Items {
		if e.InvolvedObject.Name == name {
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

func pod(name string, containers ...corev1.Container) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{Containers: containers}}
}

func container(name, image string) corev1.Container {
	return corev1.Container{Name: name, Image: image}
}

// A tokenMaker answers token requests.
type tokenMaker struct{ w *world }

func (m tokenMaker) ServeConnect(rw http.ResponseWriter, _ *http.Request, _ *apiserver.Connection) error {
	m.w.mu.Lock()
	m.w.tokens++
	n := m.w.tokens
	m.w.mu.Unlock()
	answer := &authenticationv1.TokenRequest{
		TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "TokenRequest"},
		Status: authenticationv1.TokenRequestStatus{
			Token: "token-" + string(rune('0'+n)), ExpirationTimestamp: metav1.NewTime(time.Now().Add(time.Hour)),
		},
	}
	rw.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(rw).Encode(answer)
}

func clientLease(w *world) *client.Kind[*coordinationv1.Lease] {
	return client.For[*coordinationv1.Lease](w.client)
}

// runningPods are the sandboxes that the runtime has ready.
func (w *world) runningPods() []*cri.PodSandbox {
	list, err := w.runtime.ListPodSandbox(context.Background(), &cri.ListPodSandboxRequest{Filter: &cri.PodSandboxFilter{
		State: &cri.PodSandboxStateValue{State: cri.PodSandboxState_SANDBOX_READY},
	}})
	require.NoError(w.t, err)
	return list.Items
}

func copyAll(to io.Writer, from io.Reader) (int64, error) { return io.Copy(to, from) }
