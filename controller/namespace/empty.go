package namespace

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

// errHeldPods says why nothing but pods has been deleted yet.
var errHeldPods = errors.New("pods are kept by finalizers, and the rest of the namespace waits for them")

// empty deletes the namespace's objects and reports what remains. The first error
// it returns is that of groups which could not be discovered, whose objects
// nobody knows; the second one means that nothing could be done.
func (r *reconciler) empty(ctx context.Context, namespace string) (discovery error, findings []finding, err error) {
	resources, discovery := r.client.Discover(ctx)
	if len(resources) == 0 && discovery != nil {
		return nil, nil, discovery
	}
	pods, rest := sort(resources)
	for _, resource := range pods {
		f := r.emptyOne(ctx, resource, namespace)
		if f.remaining > 0 && len(f.finalizers) > 0 && f.err == nil {
			f.err = errHeldPods
		}
		findings = append(findings, f)
		if f.remaining > 0 || f.err != nil {
			return discovery, findings, nil
		}
	}
	for _, resource := range rest {
		findings = append(findings, r.emptyOne(ctx, resource, namespace))
	}
	return discovery, findings, nil
}

// sort tells pods from everything else that a namespace can contain.
func sort(resources []*api.Resource) (pods, rest []*api.Resource) {
	for _, resource := range resources {
		switch {
		case !resource.Namespaced || !client.Supports(resource, "list", "delete"):
		case resource.Group == "" && resource.Plural == "pods":
			pods = append(pods, resource)
		default:
			rest = append(rest, resource)
		}
	}
	return pods, rest
}

// emptyOne deletes all objects of one resource and counts those that stay.
func (r *reconciler) emptyOne(ctx context.Context, resource *api.Resource, namespace string) finding {
	kind := client.Metadata(r.client, resource)
	f := finding{resource: name(resource), finalizers: map[string]int{}}
	if err := deleteAll(ctx, kind, namespace); err != nil && !apierrors.IsNotFound(err) {
		f.err = err
		return f
	}
	left, err := kind.List(ctx, namespace, client.ListOptions{})
	if err != nil {
		if !apierrors.IsNotFound(err) {
			f.err = err
		}
		return f
	}
	f.remaining = len(left.Items)
	for _, obj := range left.Items {
		for _, finalizer := range obj.Finalizers {
			f.finalizers[finalizer]++
		}
	}
	return f
}

// deleteAll deletes in one request where the server can.
func deleteAll(ctx context.Context, kind *client.Kind[*metav1.PartialObjectMetadata], namespace string) error {
	background := client.Propagation(metav1.DeletePropagationBackground)
	if client.Supports(kind.Resource(), "deletecollection") {
		return kind.DeleteCollection(ctx, namespace, client.ListOptions{}, background)
	}
	list, err := kind.List(ctx, namespace, client.ListOptions{})
	if err != nil {
		return err
	}
	for _, obj := range list.Items {
		if err := kind.Delete(ctx, namespace, obj.Name, background); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

func name(resource *api.Resource) string {
	if resource.Group == "" {
		return resource.Plural
	}
	return fmt.Sprintf("%s.%s", resource.Plural, resource.Group)
}
