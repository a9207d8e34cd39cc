package kubelet

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// A startError is a failed try to start a container, with the reason that the
// container's status gives.
type startError struct {
	reason string
	err    error
}

func (e *startError) Error() string { return e.err.Error() }
func (e *startError) Unwrap() error { return e.err }

// ensureImage returns a container's image, pulled before where its pull policy
// asks for that.
func (k *Kubelet) ensureImage(ctx context.Context, pod *corev1.Pod, c *corev1.Container, sandbox *cri.PodSandboxConfig) (*cri.Image, error) {
	spec := &cri.ImageSpec{Image: c.Image, UserSpecifiedImage: c.Image}
	present, err := k.rt.ImageStatus(ctx, &cri.ImageStatusRequest{Image: spec})
	if err != nil {
		return nil, k.imageError(pod, c, podsync.ReasonErrImagePull, fmt.Errorf("inspect image %q: %w", c.Image, err))
	}
	switch policy := pullPolicy(c); {
	case present.Image != nil && policy != corev1.PullAlways:
		k.event(pod, corev1.EventTypeNormal, "Pulled", "Container image %q already present on machine", c.Image)
		return present.Image, nil
	case present.Image == nil && policy == corev1.PullNever:
		return nil, k.imageError(pod, c, podsync.ReasonErrImageNeverPull,
			fmt.Errorf("container image %q is not present with pull policy of Never", c.Image))
	}
	k.event(pod, corev1.EventTypeNormal, "Pulling", "Pulling image %q", c.Image)
	pulled, err := k.pull(ctx, pod, spec, sandbox)
	if err != nil {
		reason := podsync.ReasonErrImagePull
		if status.Code(err) == codes.InvalidArgument {
			reason = podsync.ReasonInvalidImageName
		}
		return nil, k.imageError(pod, c, reason, err)
	}
	k.event(pod, corev1.EventTypeNormal, "Pulled", "Successfully pulled image %q", c.Image)
	return pulled, nil
}

func (k *Kubelet) imageError(pod *corev1.Pod, c *corev1.Container, reason string, err error) error {
	k.event(pod, corev1.EventTypeWarning, "Failed", "Failed to pull image %q: %v", c.Image, err)
	k.event(pod, corev1.EventTypeWarning, "Failed", "Error: %s", reason)
	return &startError{reason, err}
}

func (k *Kubelet) pull(ctx context.Context, pod *corev1.Pod, spec *cri.ImageSpec, sandbox *cri.PodSandboxConfig) (*cri.Image, error) {
	auth, err := k.pullAuth(ctx, pod, spec.Image)
	if err != nil {
		return nil, err
	}
	if _, err := k.rt.PullImage(ctx, &cri.PullImageRequest{Image: spec, Auth: auth, SandboxConfig: sandbox}); err != nil {
		return nil, err
	}
	got, err := k.rt.ImageStatus(ctx, &cri.ImageStatusRequest{Image: spec})
	if err != nil {
		return nil, err
	}
	if got.Image == nil {
		return nil, fmt.Errorf("image %q is absent after it was pulled", spec.Image)
	}
	return got.Image, nil
}

// pullPolicy is Always for the tag latest and IfNotPresent for others where the
// container does not say.
func pullPolicy(c *corev1.Container) corev1.PullPolicy {
	if c.ImagePullPolicy != "" {
		return c.ImagePullPolicy
	}
	name := c.Image[strings.LastIndex(c.Image, "/")+1:]
	if strings.Contains(c.Image, "@") {
		return corev1.PullIfNotPresent
	}
	if _, tag, ok := strings.Cut(name, ":"); !ok || tag == "latest" {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}
