package endpointslice

import (
	"cmp"
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// Name is the controller's name.
const Name = "endpointslice"

type reconciler struct {
	services *client.Informer[*corev1.Service]
	pods     *client.Informer[*corev1.Pod]
	nodes    *client.Informer[*corev1.Node]
	slices   *client.Informer[*discoveryv1.EndpointSlice]
	kind     *client.Kind[*discoveryv1.EndpointSlice]
	expect   controller.Expectations
}

// New returns the controller.
func New(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	r := &reconciler{
		services: client.Shared[*corev1.Service](informers),
		pods:     client.Shared[*corev1.Pod](informers),
		nodes:    client.Shared[*corev1.Node](informers),
		slices:   client.Shared[*discoveryv1.EndpointSlice](informers),
		kind:     client.For[*discoveryv1.EndpointSlice](c),
	}
	r.pods.AddIndex(byNode, func(pod *corev1.Pod) []string { return []string{pod.Spec.NodeName} })
	controller.IndexOwned(r.slices)
	// Before the controller hears of it, or it would still wait for the slice.
	r.slices.OnChange(func(old, slice *discoveryv1.EndpointSlice) {
		if slice == nil {
			r.expect.Gone(old.UID)
		}
	})
	ctl := controller.New(Name, r, opts)
	controller.Watch(ctl, r.services, controller.Self)
	controller.Watch(ctl, r.pods, r.ofPod)
	controller.Watch(ctl, r.slices, ofSlice)
	ctl.WaitFor(r.nodes.Synced())
	r.nodes.OnChange(func(old, node *corev1.Node) {
		if old != nil && node != nil && zoneOf(old) == zoneOf(node) {
			return // Nodes report every few seconds.
		}
		for _, key := range r.ofNode(cmp.Or(node, old)) {
			ctl.Enqueue(key)
		}
	})
	return ctl
}

// byNode is the index of pods by the name of their node.
const byNode = "spec.nodeName"

// ofNode are the Services that select a pod of a node.
func (r *reconciler) ofNode(node *corev1.Node) (keys []controller.Key) {
	for _, pod := range r.pods.ByIndex(byNode, node.Name) {
		keys = append(keys, r.ofPod(pod)...)
	}
	return keys
}

// ofPod are the Services that select a pod.
func (r *reconciler) ofPod(pod *corev1.Pod) []controller.Key {
	var keys []controller.Key
	for _, svc := range r.services.List(pod.Namespace, nil) {
		if ours(svc) && labels.SelectorFromSet(svc.Spec.Selector).Matches(labels.Set(pod.Labels)) {
			keys = append(keys, controller.KeyOf(svc))
		}
	}
	return keys
}

func ofSlice(s *discoveryv1.EndpointSlice) []controller.Key {
	name := s.Labels[discoveryv1.LabelServiceName]
	if name == "" || s.Labels[discoveryv1.LabelManagedBy] != managedBy {
		return nil
	}
	return []controller.Key{{Namespace: s.Namespace, Name: name}}
}

// ours reports whether a Service's slices are this controller's to write.
func ours(svc *corev1.Service) bool {
	return len(svc.Spec.Selector) > 0 && svc.Spec.Type != corev1.ServiceTypeExternalName && svc.DeletionTimestamp == nil
}

// Reconcile implements controller.Reconciler.
func (r *reconciler) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	svc, ok := r.services.Get(key.Namespace, key.Name)
	if !ok {
		r.expect.Forget(key)
		return controller.Result{}, r.carryOut(ctx, key, Change{Delete: r.existing(key)})
	}
	if !ours(svc) {
		return controller.Result{}, nil
	}
	if !r.expect.Met(key, controller.LookupIn(r.slices)) {
		return controller.Result{RequeueAfter: controller.ExpectFor}, nil // The slice's own event comes before.
	}
	pods := r.pods.List(svc.Namespace, labels.SelectorFromSet(svc.Spec.Selector))
	groups := Endpoints(svc, pods, r.node)
	return controller.Result{}, r.carryOut(ctx, key, Slices(svc, groups, r.existing(key)))
}

// existing are the Service's slices that this controller wrote.
func (r *reconciler) existing(key controller.Key) []*discoveryv1.EndpointSlice {
	return r.slices.List(key.Namespace, labels.SelectorFromSet(labels.Set{
		discoveryv1.LabelServiceName: key.Name, discoveryv1.LabelManagedBy: managedBy,
	}))
}

// node tells whether there is a node of a name, and its zone.
func (r *reconciler) node(name string) (zone string, known bool) {
	node, ok := r.nodes.Get("", name)
	if !ok {
		return "", false
	}
	return zoneOf(node), true
}

func zoneOf(node *corev1.Node) string { return node.Labels[corev1.LabelTopologyZone] }

func (r *reconciler) carryOut(ctx context.Context, key controller.Key, change Change) error {
	var errs []error
	for _, s := range change.Create {
		err := r.expect.Create(key, func() (types.UID, error) {
			created, err := r.kind.Create(ctx, s)
			if err != nil {
				return "", err
			}
			return created.UID, nil
		})
		if !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			errs = append(errs, err)
		}
	}
	for _, s := range change.Update {
		_, err := r.kind.Update(ctx, s)
		errs = append(errs, ignoreNotFound(err))
	}
	for _, s := range change.Delete {
		err := r.kind.Delete(ctx, s.Namespace, s.Name, client.Precondition(s.UID, ""))
		errs = append(errs, ignoreNotFound(err))
	}
	return errors.Join(errs...)
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
