package serviceaccount

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// Default is the name of the ServiceAccount that every namespace has.
const Default = "default"

// New returns the controller that keeps a default ServiceAccount in each
// namespace. Its keys are names of namespaces.
func New(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	namespaces := client.Shared[*corev1.Namespace](informers)
	accounts := client.Shared[*corev1.ServiceAccount](informers)
	write := client.For[*corev1.ServiceAccount](c)
	reconcile := func(ctx context.Context, key controller.Key) (controller.Result, error) {
		if _, ok := accounts.Get(key.Name, Default); ok || !active(namespaces, key.Name) {
			return controller.Result{}, nil
		}
		_, err := write.Create(ctx, &corev1.ServiceAccount{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Name, Name: Default},
		})
		return controller.Result{}, ignoreLate(err)
	}
	ctl := controller.New("serviceaccount", controller.ReconcilerFunc(reconcile), opts)
	controller.Watch(ctl, namespaces, controller.Self)
	controller.Watch(ctl, accounts, namespaceOf[*corev1.ServiceAccount](Default))
	return ctl
}

// namespaceOf maps objects of one name to the key of their namespace.
func namespaceOf[T api.Object](name string) func(obj T) []controller.Key {
	return func(obj T) []controller.Key {
		if obj.GetName() != name {
			return nil
		}
		return []controller.Key{{Name: obj.GetNamespace()}}
	}
}

// active says whether a namespace exists and may get objects.
func active(namespaces *client.Informer[*corev1.Namespace], name string) bool {
	ns, ok := namespaces.Get("", name)
	return ok && ns.DeletionTimestamp == nil
}

// ignoreLate drops the errors that mean that there is nothing left to do: it
// exists already, or its namespace goes away.
func ignoreLate(err error) error {
	if apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) ||
		apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return nil
	}
	return err
}
