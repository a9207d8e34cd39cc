package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Objects looks up what volumes are made from. An absent object is an error of
// which apierrors.IsNotFound is true. What is returned is not modified.
type Objects interface {
	ConfigMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error)
	Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	// Claim returns a claim and the volume it is bound to.
	Claim(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, *corev1.PersistentVolume, error)
	// Token returns a new token of the pod's service account, bound to the pod,
	// and when it expires.
	Token(ctx context.Context, pod *corev1.Pod, audience string, seconds int64) (string, time.Time, error)
}

// Config says where a [Manager] keeps volumes and what it makes them from.
type Config struct {
	// Dir is the folder with one folder for each pod, named by uid. Required.
	Dir     string
	Objects Objects // required
	// Allocatable is what the node has for pods.
	Allocatable corev1.ResourceList
	// Plain keeps to folders and files: no tmpfs, no change of owners. It is so
	// in any case where this process is not root on Linux.
	Plain bool
}

// A Manager makes the volumes of the pods on a node. See the package comment.
type Manager struct {
	Config
	mu     sync.Mutex // guards tokens
	tokens map[tokenKey]token
}

// New returns a manager. It does nothing by itself.
func New(cfg Config) *Manager {
	if !canMount() {
		cfg.Plain = true
	}
	return &Manager{Config: cfg, tokens: map[tokenKey]token{}}
}

// PodDir returns the folder of a pod.
func (m *Manager) PodDir(uid types.UID) string { return filepath.Join(m.Dir, string(uid)) }

func (m *Manager) volumeDir(pod *corev1.Pod, name string) string {
	return filepath.Join(m.PodDir(pod.UID), "volumes", name)
}

// SetUp puts all volumes of a pod in place. It may be called again: what is
// there stays. The error names the volume that is missing something.
func (m *Manager) SetUp(ctx context.Context, pod *corev1.Pod) error {
	if err := os.MkdirAll(m.PodDir(pod.UID), 0o750); err != nil {
		return fmt.Errorf("make pod folder: %w", err)
	}
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		if err := m.setUp(ctx, pod, v); err != nil {
			return fmt.Errorf("MountVolume.SetUp failed for volume %q: %w", v.Name, err)
		}
	}
	return nil
}

// setUp is where a volume's type is looked at.
func (m *Manager) setUp(ctx context.Context, pod *corev1.Pod, v *corev1.Volume) error {
	if payload := m.payloadOf(v); payload != nil {
		return m.write(ctx, pod, v, payload)
	}
	switch {
	case v.EmptyDir != nil:
		return m.setUpEmptyDir(pod, v)
	case v.HostPath != nil:
		return setUpHostPath(v.HostPath)
	case v.PersistentVolumeClaim != nil, v.Ephemeral != nil:
		return m.setUpClaim(ctx, pod, v)
	}
	return errors.New("its type is not supported by this kubelet")
}

// A payloadFunc works out the files of a volume now, and when they must be
// worked out again although no object changed; zero for never.
type payloadFunc func(ctx context.Context, pod *corev1.Pod) (Payload, time.Time, error)

// payloadOf returns how the files of a volume are worked out, nil for one that
// is not made from objects.
func (m *Manager) payloadOf(v *corev1.Volume) payloadFunc {
	switch {
	case v.ConfigMap != nil:
		return m.configMap(v.ConfigMap)
	case v.Secret != nil:
		return m.secret(v.Secret)
	case v.DownwardAPI != nil:
		return m.downward(v.DownwardAPI.Items, mode(v.DownwardAPI.DefaultMode))
	case v.Projected != nil:
		return m.projected(v.Name, v.Projected)
	}
	return nil
}

func (m *Manager) write(ctx context.Context, pod *corev1.Pod, v *corev1.Volume, payload payloadFunc) error {
	files, _, err := payload(ctx, pod)
	if err != nil {
		return err
	}
	_, err = WriteAtomic(m.volumeDir(pod, v.Name), files, m.group(pod))
	return err
}

// group is the group that owns the pod's volumes, nil for none.
func (m *Manager) group(pod *corev1.Pod) *int64 {
	if m.Plain || pod.Spec.SecurityContext == nil {
		return nil
	}
	return pod.Spec.SecurityContext.FSGroup
}

// Refresh brings the volumes that are made from objects up to date. It returns
// when to do so next although no object changed, zero for never. A volume whose
// object is gone keeps its files.
func (m *Manager) Refresh(ctx context.Context, pod *corev1.Pod) (time.Time, error) {
	var next time.Time
	var wrong []error
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		payload := m.payloadOf(v)
		if payload == nil {
			continue
		}
		files, again, err := payload(ctx, pod)
		if err == nil {
			_, err = WriteAtomic(m.volumeDir(pod, v.Name), files, m.group(pod))
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("refresh volume %q: %w", v.Name, err))
			continue
		}
		if !again.IsZero() && (next.IsZero() || again.Before(next)) {
			next = again
		}
	}
	return next, errors.Join(wrong...)
}

// TearDown takes a pod's volumes away, and everything else in its folder. Data
// of hostPath and persistent volumes is not touched: it is elsewhere.
func (m *Manager) TearDown(uid types.UID) error {
	m.forgetTokens(uid)
	dir := m.PodDir(uid)
	if err := unmountBelow(dir); err != nil {
		return fmt.Errorf("tear down volumes of pod %s: %w", uid, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("tear down volumes of pod %s: %w", uid, err)
	}
	return nil
}

// mode is a file mode of the API, 0644 where there is none.
func mode(given *int32) os.FileMode {
	if given == nil {
		return 0o644
	}
	return os.FileMode(*given)
}
