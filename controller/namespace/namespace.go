package namespace

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// lookAgain is when a namespace that is not empty yet is looked at again.
const lookAgain = 2 * time.Second

// New returns the namespace controller.
func New(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	namespaces := client.Shared[*corev1.Namespace](informers)
	r := &reconciler{client: c, namespaces: client.For[*corev1.Namespace](c), cached: namespaces}
	ctl := controller.New("namespace", r, opts)
	controller.Watch(ctl, namespaces, controller.Self)
	// A pod that has gone may have been what a namespace waited for.
	controller.Watch(ctl, client.Shared[*corev1.Pod](informers), func(pod *corev1.Pod) []controller.Key {
		if pod.DeletionTimestamp == nil {
			return nil
		}
		return []controller.Key{{Name: pod.Namespace}}
	})
	return ctl
}

type reconciler struct {
	client     *client.Client
	namespaces *client.Kind[*corev1.Namespace]
	cached     *client.Informer[*corev1.Namespace]
}

// Reconcile implements controller.Reconciler.
func (r *reconciler) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	ns, ok := r.cached.Get("", key.Name)
	if !ok || ns.DeletionTimestamp == nil || !slices.Contains(ns.Spec.Finalizers, corev1.FinalizerKubernetes) {
		return controller.Result{}, nil
	}
	if err := r.report(ctx, ns, nil); err != nil {
		return controller.Result{}, ignoreGone(err)
	}
	discovery, findings, err := r.empty(ctx, key.Name)
	if err != nil {
		return controller.Result{}, err
	}
	conditions, empty := judge(discovery, findings)
	if err := r.report(ctx, ns, conditions); err != nil {
		return controller.Result{}, ignoreGone(err)
	}
	if !empty {
		return controller.Result{RequeueAfter: lookAgain}, nil
	}
	return controller.Result{}, ignoreGone(r.finalize(ctx, ns))
}

// report writes the phase and the conditions into the namespace's status.
func (r *reconciler) report(ctx context.Context, ns *corev1.Namespace, conditions []corev1.NamespaceCondition) error {
	_, err := r.namespaces.ModifyStatus(ctx, "", ns.Name, func(live *corev1.Namespace) error {
		if live.UID != ns.UID {
			return fmt.Errorf("namespace %s is another one: %w", ns.Name, controller.ErrRetry)
		}
		live.Status.Phase = corev1.NamespaceTerminating
		live.Status.Conditions = merge(live.Status.Conditions, conditions, metav1.Now())
		return nil
	})
	return err
}

// finalize lets the namespace go.
func (r *reconciler) finalize(ctx context.Context, ns *corev1.Namespace) error {
	live, err := r.namespaces.Get(ctx, "", ns.Name)
	if err != nil {
		return err
	}
	if live.UID != ns.UID {
		return nil
	}
	live.Spec.Finalizers = slices.DeleteFunc(live.Spec.Finalizers, func(f corev1.FinalizerName) bool {
		return f == corev1.FinalizerKubernetes
	})
	return r.namespaces.Subresource(ctx, http.MethodPut, "", ns.Name, "finalize", live, nil)
}

// ignoreGone takes a namespace that has gone meanwhile for done.
func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
