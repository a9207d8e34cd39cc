package kubelet

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/kubelet/objects"
	"github.com/coracle-k8s/coracle/kubelet/probe"
	"github.com/coracle-k8s/coracle/kubelet/volume"
	"github.com/coracle-k8s/coracle/runtime"
)

// A Kubelet runs the pods of one node. Make one with [New], then call Run.
type Kubelet struct {
	cfg      Config
	log      *slog.Logger
	rt       runtime.Service
	streamer runtime.Streamer // nil if the runtime has none

	pods       *client.Informer[*corev1.Pod]
	services   *client.Informer[*corev1.Service]
	nodes      *client.Informer[*corev1.Node]
	configMaps *objects.Watched[*corev1.ConfigMap]
	secrets    *objects.Watched[*corev1.Secret]
	volumes    *volume.Manager
	prober     *probe.Prober
	usage      usageMeter
	machine    machineInfo
	oomFloor   int64         // the lowest oom_score_adj that can be given
	dirty      chan struct{} // pods changed; buffered: one is enough
	// podCIDRChanged is the same for the range of the pods' addresses.
	podCIDRChanged chan struct{}

	mu      sync.Mutex // guards the fields below
	version *cri.VersionResponse
	workers map[types.UID]*worker
}

// New returns a kubelet. It starts nothing. The error says what is wrong with
// the configuration.
func New(cfg Config) (*Kubelet, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	k := &Kubelet{
		cfg: cfg, log: cfg.Logger, rt: cfg.Runtime,
		pods: client.NewInformer(cfg.Client, client.InformerOptions[*corev1.Pod]{
			FieldSelector: "spec.nodeName=" + cfg.NodeName,
		}),
		services: client.NewInformer(cfg.Client, client.InformerOptions[*corev1.Service]{}),
		nodes: client.NewInformer(cfg.Client, client.InformerOptions[*corev1.Node]{
			FieldSelector: "metadata.name=" + cfg.NodeName,
		}),
		machine: machine(), oomFloor: lowestOOMScore(),
		dirty: make(chan struct{}, 1), podCIDRChanged: make(chan struct{}, 1),
		workers: map[types.UID]*worker{},
	}
	k.streamer, _ = cfg.Runtime.(runtime.Streamer)
	k.prober = &probe.Prober{Dial: cfg.Dial, Exec: k.exec}
	k.volumes = volume.New(volume.Config{
		Dir: filepath.Join(cfg.RootDir, "pods"), Objects: lookup{k}, Allocatable: k.allocatable(), Plain: cfg.PlainVolumes,
	})
	k.pods.OnChange(func(_, _ *corev1.Pod) { k.podsChanged() })
	k.nodes.OnChange(k.nodeChanged)
	return k, nil
}

// allocatable is what the node has for pods.
func (k *Kubelet) allocatable() corev1.ResourceList {
	return allocatable(k.cfg.Capacity, k.cfg.Reserved)
}

// event tells people what happened to a pod.
func (k *Kubelet) event(pod *corev1.Pod, kind, reason, format string, args ...any) {
	k.cfg.Recorder.Eventf(pod, kind, reason, format, args...)
}

// Run registers the node and runs its pods until ctx ends. Then it returns nil
// when everything it started has ended, containers apart, which go on unless
// [Config.StopPodsOnExit] is set. API server and runtime may come and go
// meanwhile. It may be called once.
func (k *Kubelet) Run(ctx context.Context) error {
	for _, dir := range []string{k.cfg.RootDir, k.volumes.Dir, k.cfg.LogDir} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return fmt.Errorf("run kubelet: %w", err)
		}
	}
	if err := k.waitForRuntime(ctx); err != nil {
		return nil // ctx ended
	}
	k.configMaps = objects.New[*corev1.ConfigMap](ctx, k.cfg.Client)
	k.secrets = objects.New[*corev1.Secret](ctx, k.cfg.Client)
	group, groupCtx := errgroup.WithContext(ctx)
	for _, part := range []func(context.Context) error{
		k.pods.Run, k.services.Run, k.nodes.Run,
		k.runPods, k.runEvents, k.runNode, k.runLease, k.runRotation,
	} {
		group.Go(func() error { return part(groupCtx) })
	}
	err := group.Wait()
	k.configMaps.Wait()
	k.secrets.Wait()
	if k.cfg.StopPodsOnExit {
		k.stopAll(context.WithoutCancel(ctx))
	}
	return err
}

// waitForRuntime asks the runtime who it is until it answers.
func (k *Kubelet) waitForRuntime(ctx context.Context) error {
	for {
		version, err := k.rt.Version(ctx, &cri.VersionRequest{})
		if err == nil {
			k.mu.Lock()
			k.version = version
			k.mu.Unlock()
			return nil
		}
		k.log.Warn("runtime does not answer", "err", err)
		if err := sleep(ctx, observeRetry); err != nil {
			return err
		}
	}
}

// runtimeName is what the runtime calls itself: the scheme of container IDs.
func (k *Kubelet) runtimeName() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.version.GetRuntimeName()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
