package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/runtime"
)

// A Node is what the server asks. Its methods may be called concurrently. What
// they return is not modified.
type Node interface {
	// Pods returns the pods of the node with their status.
	Pods() []*corev1.Pod
	// Log returns the log of a container of a pod, or of the one before it. The
	// error is an [*Error] where the caller asked for what is not there.
	Log(namespace, pod, container string, previous bool) (Log, error)
	// Container returns the runtime's ID of a running container. An empty uid
	// means any.
	Container(namespace, pod string, uid types.UID, container string) (string, error)
	// Sandbox returns the runtime's ID of a pod's sandbox.
	Sandbox(namespace, pod string, uid types.UID) (string, error)
	// Summary returns what the node and its pods use.
	Summary(ctx context.Context) (*Summary, error)
}

// A Log is where a container's log is.
type Log struct {
	File string
	// Running says whether the container may still write.
	Running func() bool
}

// An Error is an answer other than success.
type Error struct {
	Code    int // an HTTP status
	Message string
}

func (e *Error) Error() string { return e.Message }

// Errorf returns an [*Error].
func Errorf(code int, format string, args ...any) error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

// Config says what a server serves.
type Config struct {
	Node Node // required
	// Streamer carries exec, attach and port-forward; nil answers 501.
	Streamer runtime.Streamer
	// Authorize lets a request pass by returning nil; nil lets all pass.
	Authorize func(*http.Request) error
}

// New returns the handler. It is safe for concurrent use.
func New(cfg Config) http.Handler {
	s := &server{cfg}
	open, guarded := http.NewServeMux(), http.NewServeMux()
	open.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	open.Handle("/", s.guard(guarded))
	guarded.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", s.logs)
	for _, method := range []string{"GET ", "POST "} {
		for _, uid := range []string{"", "/{uid}"} {
			guarded.HandleFunc(method+"/exec/{namespace}/{pod}"+uid+"/{container}", s.exec)
			guarded.HandleFunc(method+"/attach/{namespace}/{pod}"+uid+"/{container}", s.attach)
			guarded.HandleFunc(method+"/portForward/{namespace}/{pod}"+uid, s.portForward)
		}
	}
	guarded.HandleFunc("GET /pods", s.pods)
	guarded.HandleFunc("GET /stats/summary", s.summary)
	guarded.Handle("GET /metrics", promhttp.HandlerFor(s.metrics(), promhttp.HandlerOpts{}))
	return open
}

type server struct{ Config }

func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Authorize != nil {
			if err := s.Authorize(r); err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// fail answers with an error: its own code, or 500.
func fail(w http.ResponseWriter, err error) {
	if known, ok := errors.AsType[*Error](err); ok {
		http.Error(w, known.Message, known.Code)
		return
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

func (s *server) pods(w http.ResponseWriter, _ *http.Request) {
	list := &corev1.PodList{}
	list.APIVersion, list.Kind = "v1", "PodList"
	for _, pod := range s.Node.Pods() {
		list.Items = append(list.Items, *pod)
	}
	writeJSON(w, list)
}

func (s *server) summary(w http.ResponseWriter, r *http.Request) {
	summary, err := s.Node.Summary(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, summary)
}

func writeJSON(w http.ResponseWriter, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data)
}

// metrics are the node's, under the names that Kubernetes has for them.
func (s *server) metrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	count := func(running func(*corev1.Pod) int) func() float64 {
		return func() float64 {
			total := 0
			for _, pod := range s.Node.Pods() {
				total += running(pod)
			}
			return float64(total)
		}
	}
	registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kubelet_running_pods", Help: "Number of pods with a running container.",
		}, count(func(pod *corev1.Pod) int { return min(1, runningContainers(pod)) })),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kubelet_running_containers", Help: "Number of running containers.",
		}, count(runningContainers)),
	)
	return registry
}

func runningContainers(pod *corev1.Pod) int {
	running := 0
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses} {
		for _, c := range list {
			if c.State.Running != nil {
				running++
			}
		}
	}
	return running
}
