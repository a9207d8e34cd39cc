package resourcequota

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/quota"
	"github.com/coracle-k8s/coracle/client"
)

// A counter reads the objects of a namespace from the server.
type counter struct {
	client   *client.Client
	pods     *client.Kind[*corev1.Pod]
	services *client.Kind[*corev1.Service]
	claims   *client.Kind[*corev1.PersistentVolumeClaim]
}

func newCounter(c *client.Client) counter {
	return counter{
		client: c, pods: client.For[*corev1.Pod](c), services: client.For[*corev1.Service](c),
		claims: client.For[*corev1.PersistentVolumeClaim](c),
	}
}

// sum returns what all objects of a kind use of a quota. What the quota names
// of the kind is there even if it is zero.
func (c counter) sum(ctx context.Context, q *corev1.ResourceQuota, meter quota.Meter, f *follower) (corev1.ResourceList, error) {
	used := corev1.ResourceList{}
	for _, name := range meter.Named(quota.Names(q.Spec.Hard)) {
		used[name] = resource.Quantity{Format: resource.DecimalSI}
	}
	objects, err := c.list(ctx, q.Namespace, meter, f)
	for _, obj := range objects {
		if meter.InScopes(q, obj) {
			used = quota.Add(used, meter.Usage(obj))
		}
	}
	return used, err
}

func (c counter) list(ctx context.Context, namespace string, meter quota.Meter, f *follower) ([]api.Object, error) {
	switch meter.Resource.String() {
	case "pods":
		return listed(ctx, c.pods, namespace)
	case "services":
		return listed(ctx, c.services, namespace)
	case "persistentvolumeclaims":
		return listed(ctx, c.claims, namespace)
	}
	resource, err := f.resource(ctx, meter.Resource)
	if err != nil || resource == nil {
		return nil, err
	}
	return listed(ctx, client.Metadata(c.client, resource), namespace)
}

func listed[T api.Object](ctx context.Context, kind *client.Kind[T], namespace string) ([]api.Object, error) {
	list, err := kind.List(ctx, namespace, client.ListOptions{})
	if err != nil {
		return nil, err
	}
	objects := make([]api.Object, len(list.Items))
	for i, obj := range list.Items {
		objects[i] = obj
	}
	return objects, nil
}

// whenLess calls enqueue with the namespace of an object that has gone, or that
// less says may need less than before.
func whenLess[T api.Object](informers *client.Informers, enqueue func(namespace string), less func(old, new T) bool) {
	var none T
	client.Shared[T](informers).OnChange(func(old, new T) {
		switch any(none) {
		case any(old): // new: whoever created it has charged it
		case any(new):
			enqueue(old.GetNamespace())
		default:
			if less(old, new) {
				enqueue(new.GetNamespace())
			}
		}
	})
}

func lessPod(old, new *corev1.Pod) bool {
	return quota.PodCharged(old) && !quota.PodCharged(new) || quota.PodEnds(old) != quota.PodEnds(new) ||
		!equality.Semantic.DeepEqual(allocated(old), allocated(new))
}

// allocated is what a pod's containers have after a resize.
func allocated(pod *corev1.Pod) map[string]*corev1.ResourceRequirements {
	have := map[string]*corev1.ResourceRequirements{}
	for _, status := range pod.Status.ContainerStatuses {
		have[status.Name] = status.Resources
	}
	return have
}

func lessService(old, new *corev1.Service) bool {
	return old.Spec.Type != new.Spec.Type || len(old.Spec.Ports) != len(new.Spec.Ports)
}

func lessClaim(old, new *corev1.PersistentVolumeClaim) bool {
	meter := quota.For(corev1.Resource("persistentvolumeclaims"))
	return !quota.Equal(meter.Usage(old), meter.Usage(new)) ||
		!equality.Semantic.DeepEqual(old.Status.CurrentVolumeAttributesClassName, new.Status.CurrentVolumeAttributesClassName)
}
