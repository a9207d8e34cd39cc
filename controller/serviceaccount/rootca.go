package serviceaccount

import (
	"context"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// The ConfigMap that pods find the server's certificate authority in.
const (
	RootCA    = "kube-root-ca.crt"
	RootCAKey = "ca.crt"
)

// NewRootCA returns the controller that keeps the certificates (PEM) in a ConfigMap
// of each namespace. Its keys are names of namespaces. Other entries of the ConfigMap are removed.
func NewRootCA(c *client.Client, informers *client.Informers, certificates []byte, opts controller.Options) *controller.Controller {
	r := &rootCA{
		want:       map[string]string{RootCAKey: string(certificates)},
		namespaces: client.Shared[*corev1.Namespace](informers),
		configMaps: client.Shared[*corev1.ConfigMap](informers),
		write:      client.For[*corev1.ConfigMap](c),
	}
	ctl := controller.New("root-ca-certificate-publisher", r, opts)
	controller.Watch(ctl, r.namespaces, controller.Self)
	controller.Watch(ctl, r.configMaps, namespaceOf[*corev1.ConfigMap](RootCA))
	return ctl
}

type rootCA struct {
	want       map[string]string
	namespaces *client.Informer[*corev1.Namespace]
	configMaps *client.Informer[*corev1.ConfigMap]
	write      *client.Kind[*corev1.ConfigMap]
}

// Reconcile implements controller.Reconciler.
func (r *rootCA) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	if !active(r.namespaces, key.Name) {
		return controller.Result{}, nil
	}
	have, ok := r.configMaps.Get(key.Name, RootCA)
	if ok && maps.Equal(have.Data, r.want) {
		return controller.Result{}, nil
	}
	if !ok {
		_, err := r.write.Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Name, Name: RootCA, Annotations: map[string]string{
				"kubernetes.io/description": "The certificates by which to know this cluster's API server, kept by the control plane.",
			}},
			Data: r.want,
		})
		return controller.Result{}, ignoreLate(err)
	}
	_, err := r.write.Modify(ctx, key.Name, RootCA, func(live *corev1.ConfigMap) error {
		live.Data, live.BinaryData = r.want, nil
		return nil
	})
	if apierrors.IsNotFound(err) {
		return controller.Result{}, controller.ErrRetry
	}
	return controller.Result{}, err
}
