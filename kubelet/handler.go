package kubelet

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/kubelet/podsync"
	"github.com/coracle-k8s/coracle/kubelet/server"
)

// Handler returns what the node answers over HTTP: logs, exec, attach,
// port-forward, statistics. See package server. It may be used before and while
// the kubelet runs.
func (k *Kubelet) Handler() http.Handler {
	return server.New(server.Config{Node: view{k}, Streamer: k.streamer, Authorize: k.cfg.Authorize})
}

// Serve serves [Kubelet.Handler] on a listener, with TLS unless config is nil,
// until ctx ends. Then it closes the listener and all connections, and returns
// nil when all requests have ended.
func (k *Kubelet) Serve(ctx context.Context, listener net.Listener, config *tls.Config) error {
	var requests sync.WaitGroup
	handler := k.Handler()
	ctx, cancel := context.WithCancel(ctx)
	defer requests.Wait()
	defer cancel()
	s := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			defer requests.Done()
			handler.ServeHTTP(w, r)
		}),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 30 * time.Second,
	}
	if config != nil {
		// HTTP/2 has no upgrades, which exec needs.
		config = config.Clone()
		config.NextProtos = []string{"http/1.1"}
		listener = tls.NewListener(listener, config)
	}
	defer context.AfterFunc(ctx, func() { s.Close() })()
	if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve kubelet: %w", err)
	}
	return nil
}

// A view is the kubelet as its server sees it.
type view struct{ k *Kubelet }

var _ server.Node = view{}

// Pods implements [server.Node].
func (v view) Pods() []*corev1.Pod {
	var pods []*corev1.Pod
	for _, w := range v.k.allWorkers() {
		pod, _ := w.view()
		pods = append(pods, pod)
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(string(a.UID), string(b.UID)))
	})
	return pods
}

// find returns a pod with its log files. Of two with one name, the one that is
// not being deleted.
func (v view) find(namespace, name string, uid types.UID) (*corev1.Pod, map[string]string, error) {
	var found *corev1.Pod
	var logs map[string]string
	for _, w := range v.k.allWorkers() {
		pod, files := w.view()
		if pod.Namespace != namespace || pod.Name != name || uid != "" && pod.UID != uid {
			continue
		}
		if found == nil || found.DeletionTimestamp != nil {
			found, logs = pod, files
		}
	}
	if found == nil {
		return nil, nil, server.Errorf(http.StatusNotFound, "pod %q does not exist in namespace %q on this node", name, namespace)
	}
	return found, logs, nil
}

// containerStatus returns the status of a container of a pod.
func containerStatus(pod *corev1.Pod, name string) (*corev1.ContainerStatus, error) {
	if containerOf(pod, name) == nil {
		return nil, server.Errorf(http.StatusNotFound, "container %q not found in pod %q", name, pod.Name)
	}
	s := &pod.Status
	for _, list := range [][]corev1.ContainerStatus{s.ContainerStatuses, s.InitContainerStatuses, s.EphemeralContainerStatuses} {
		for i := range list {
			if list[i].Name == name {
				return &list[i], nil
			}
		}
	}
	return nil, server.Errorf(http.StatusBadRequest, "container %q in pod %q is not available", name, pod.Name)
}

// Log implements [server.Node].
func (v view) Log(namespace, name, container string, previous bool) (server.Log, error) {
	pod, files, err := v.find(namespace, name, "")
	if err != nil {
		return server.Log{}, err
	}
	status, err := containerStatus(pod, container)
	if err != nil {
		return server.Log{}, err
	}
	reference, err := logOf(pod, status, previous)
	if err != nil {
		return server.Log{}, err
	}
	_, id, _ := strings.Cut(reference, "://")
	file := files[id]
	if file == "" {
		return server.Log{}, server.Errorf(http.StatusNotFound, "the log of container %q in pod %q is no longer there", container, name)
	}
	running := func() bool {
		pod, _, err := v.find(namespace, name, pod.UID)
		if err != nil {
			return false
		}
		status, err := containerStatus(pod, container)
		return err == nil && status.ContainerID == reference && status.State.Running != nil
	}
	return server.Log{File: file, Running: running}, nil
}

// logOf returns the container ID of the log to read: of the container, or of
// the one before it.
func logOf(pod *corev1.Pod, s *corev1.ContainerStatus, previous bool) (string, error) {
	last := s.LastTerminationState.Terminated
	switch {
	case previous && (last == nil || last.ContainerID == ""):
		return "", server.Errorf(http.StatusBadRequest, "previous terminated container %q in pod %q not found", s.Name, pod.Name)
	case previous:
		return last.ContainerID, nil
	case s.State.Running != nil:
		return s.ContainerID, nil
	case s.State.Terminated != nil && s.State.Terminated.ContainerID != "":
		return s.State.Terminated.ContainerID, nil
	case last != nil && last.ContainerID != "":
		return last.ContainerID, nil
	case s.State.Waiting != nil:
		return "", server.Errorf(http.StatusBadRequest, "container %q in pod %q is waiting to start: %s", s.Name, pod.Name, waitingFor(s.State.Waiting))
	}
	return "", server.Errorf(http.StatusBadRequest, "container %q in pod %q has no log", s.Name, pod.Name)
}

func waitingFor(w *corev1.ContainerStateWaiting) string {
	switch w.Reason {
	case podsync.ReasonErrImagePull:
		return "image can't be pulled"
	case podsync.ReasonImagePullBackOff:
		return "trying and failing to pull image"
	}
	return w.Reason
}

// Container implements [server.Node].
func (v view) Container(namespace, name string, uid types.UID, container string) (string, error) {
	pod, _, err := v.find(namespace, name, uid)
	if err != nil {
		return "", err
	}
	status, err := containerStatus(pod, container)
	if err != nil {
		return "", err
	}
	if status.State.Running == nil {
		return "", server.Errorf(http.StatusBadRequest, "container %q in pod %q is not running", container, name)
	}
	_, id, _ := strings.Cut(status.ContainerID, "://")
	return id, nil
}

// Sandbox implements [server.Node].
func (v view) Sandbox(namespace, name string, uid types.UID) (string, error) {
	pod, _, err := v.find(namespace, name, uid)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	list, err := v.k.rt.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: &cri.PodSandboxFilter{
		LabelSelector: map[string]string{labelPodUID: string(pod.UID)},
		State:         &cri.PodSandboxStateValue{State: cri.PodSandboxState_SANDBOX_READY},
	}})
	if err != nil {
		return "", fmt.Errorf("list sandboxes: %w", err)
	}
	if len(list.Items) == 0 {
		return "", server.Errorf(http.StatusBadRequest, "pod %q is not running", name)
	}
	return list.Items[0].Id, nil
}
