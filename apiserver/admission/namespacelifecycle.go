package admission

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// NamespaceLifecycle refuses to create objects in a namespace that is not there
// or that is being deleted, and to delete the namespaces that a cluster cannot
// be without.
type NamespaceLifecycle struct {
	Objects apiserver.Objects
}

// immortal are the namespaces that cannot be deleted. kube-node-lease can.
var immortal = []string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic}

// Mutate implements apiserver.Hook. It changes nothing; it comes first so that
// no other hook works for a request that this one refuses.
func (n NamespaceLifecycle) Mutate(ctx context.Context, a *apiserver.Admission) error {
	if a.Resource.Kind == "Namespace" && a.Resource.Group == "" {
		if on(a, apiserver.Delete) && slices.Contains(immortal, a.Name) {
			return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, fmt.Errorf("this namespace may not be deleted"))
		}
		return nil
	}
	if a.Namespace == "" || a.Operation != apiserver.Create || a.Resource.Virtual {
		return nil
	}
	namespace, err := typed.Get[*corev1.Namespace](ctx, n.Objects, "", a.Namespace)
	if err != nil {
		return err // NotFound: namespaces "x" not found
	}
	if namespace.DeletionTimestamp == nil && namespace.Status.Phase != corev1.NamespaceTerminating {
		return nil
	}
	refusal := apierrors.NewForbidden(a.Resource.GroupResource(), a.Name,
		fmt.Errorf("unable to create new content in namespace %s because it is being terminated", a.Namespace))
	refusal.ErrStatus.Details.Causes = append(refusal.ErrStatus.Details.Causes, metav1.StatusCause{
		Type:    corev1.NamespaceTerminatingCause,
		Message: fmt.Sprintf("namespace %s is being terminated", a.Namespace),
		Field:   "metadata.namespace",
	})
	return refusal
}

// Validate implements apiserver.Hook.
func (NamespaceLifecycle) Validate(context.Context, *apiserver.Admission) error { return nil }
