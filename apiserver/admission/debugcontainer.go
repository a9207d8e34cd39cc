package admission

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// ownKubelet is in the version of the kubelets that do not run ephemeral
// containers: ours.
const ownKubelet = "coracle"

// EphemeralContainers refuses to add an ephemeral container to a pod whose kubelet
// would not run it, which is better than one that never starts. Kubernetes'
// kubelets do; a node tells which it has.
func EphemeralContainers(objects apiserver.Objects) apiserver.Hook {
	return apiserver.ValidateFunc(func(ctx context.Context, a *apiserver.Admission) error {
		pod, ok := a.Object.(*corev1.Pod)
		if !ok || a.Operation != apiserver.Update || a.Subresource != "ephemeralcontainers" || pod.Spec.NodeName == "" {
			return nil
		}
		node, err := typed.Get[*corev1.Node](ctx, objects, "", pod.Spec.NodeName)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil && strings.Contains(node.Status.NodeInfo.KubeletVersion, ownKubelet) {
			err = apierrors.NewForbidden(a.Resource.GroupResource(), pod.Name,
				fmt.Errorf("the kubelet of node %s does not run ephemeral containers", node.Name))
		}
		return err
	})
}
