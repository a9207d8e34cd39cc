package garbagecollector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// unseenOwner is when an object is looked at again whose owner exists but is not
// in the graph yet: if the owner went before the graph saw it, nobody would tell.
const unseenOwner = 5 * time.Second

// Reconcile implements controller.Reconciler. The key's name is a uid.
func (gc *Collector) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	n := gc.graph.node(types.UID(key.Name))
	switch {
	case n == nil:
		return controller.Result{}, nil
	case n.orphaning():
		return controller.Result{}, gc.orphan(ctx, n)
	case n.waiting():
		return controller.Result{}, gc.foreground(ctx, n)
	case n.deleting || len(n.owners) == 0:
		return controller.Result{}, nil
	}
	return gc.dependent(ctx, n)
}

// dependent looks at an object that has owners.
func (gc *Collector) dependent(ctx context.Context, n *node) (controller.Result, error) {
	if gc.allSolid(n) {
		return controller.Result{}, nil
	}
	live, err := gc.live(ctx, n)
	if live == nil || err != nil {
		return controller.Result{}, err
	}
	if live.DeletionTimestamp != nil || len(live.OwnerReferences) == 0 {
		return controller.Result{}, nil
	}
	var result controller.Result
	owners := make([]owner, 0, len(live.OwnerReferences))
	for _, ref := range live.OwnerReferences {
		state, seen, err := gc.ownerState(ctx, n, ref)
		if err != nil {
			return controller.Result{}, err
		}
		if !seen && state == solid {
			result.RequeueAfter = unseenOwner
		}
		owners = append(owners, owner{ref: ref, state: state})
	}
	v := judge(gc.subject(n, live), owners)
	return result, ignoreGone(gc.execute(ctx, n, live, v))
}

// allSolid says whether the graph alone shows that all owners live: the usual
// case, which costs no request.
func (gc *Collector) allSolid(n *node) bool {
	for _, ref := range n.owners {
		owner := gc.graph.node(ref.UID)
		if owner == nil || owner.waiting() || !refersTo(n, ref, owner) {
			return false
		}
	}
	return true
}

// refersTo says whether a reference that n has is right about the owner.
func refersTo(n *node, ref metav1.OwnerReference, owner *node) bool {
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	return err == nil && gv.Group == owner.resource.Group && ref.Kind == owner.resource.Kind && ref.Name == owner.name &&
		(owner.namespace == "" || owner.namespace == n.namespace)
}

func (gc *Collector) subject(n *node, live *metav1.PartialObjectMetadata) subject {
	dependents := gc.graph.dependentsOf(n.uid)
	return subject{
		foreground:    slices.Contains(live.Finalizers, metav1.FinalizerDeleteDependents),
		orphan:        slices.Contains(live.Finalizers, metav1.FinalizerOrphanDependents),
		hasDependents: len(dependents) > 0,
		inCircle:      slices.ContainsFunc(dependents, (*node).waiting),
	}
}

// ownerState finds out about an owner, from the graph if that knows it and else by
// asking the API server. It also says whether the graph has seen the owner.
func (gc *Collector) ownerState(ctx context.Context, n *node, ref metav1.OwnerReference) (state ownerState, seen bool, err error) {
	if known := gc.graph.node(ref.UID); known != nil && refersTo(n, ref, known) {
		if known.waiting() {
			return waiting, true, nil
		}
		return solid, true, nil
	}
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return gone, false, fmt.Errorf("owner %s %s: %w", ref.Kind, ref.Name, err)
	}
	resource := gc.monitor.forKind(gv.WithKind(ref.Kind))
	if resource == nil {
		return gone, false, fmt.Errorf("owner %s %s of %s: nobody serves its kind: %w", ref.Kind, ref.Name, n.name, controller.ErrRetry)
	}
	if resource.Namespaced && n.namespace == "" {
		gc.reportForeign(n, ref)
		return foreign, false, nil
	}
	namespace := n.namespace
	if !resource.Namespaced {
		namespace = ""
	}
	live, err := client.Metadata(gc.client, resource).Get(ctx, namespace, ref.Name)
	switch {
	case apierrors.IsNotFound(err), err == nil && live.UID != ref.UID:
		if known := gc.graph.node(ref.UID); known != nil && known.namespace != n.namespace && known.namespace != "" {
			gc.reportForeign(n, ref)
		}
		return gone, false, nil
	case err != nil:
		return gone, false, err
	case live.DeletionTimestamp != nil && slices.Contains(live.Finalizers, metav1.FinalizerDeleteDependents):
		return waiting, false, nil
	}
	return solid, false, nil
}

// execute carries out a verdict.
func (gc *Collector) execute(ctx context.Context, n *node, live *metav1.PartialObjectMetadata, v verdict) error {
	kind := client.Metadata(gc.client, n.resource)
	if v.unblock {
		refs := slices.Clone(live.OwnerReferences)
		for i := range refs {
			refs[i].BlockOwnerDeletion = nil
		}
		updated, err := patch(ctx, kind, live, "ownerReferences", refs)
		if err != nil {
			return err
		}
		live = updated
	}
	if v.delete {
		gc.log.Debug("deleting", "kind", n.resource.Kind, "namespace", n.namespace, "name", n.name, "policy", v.policy)
		return kind.Delete(ctx, n.namespace, n.name,
			client.Propagation(v.policy), client.Precondition(live.UID, live.ResourceVersion))
	}
	if len(v.drop) > 0 {
		return dropOwners(ctx, kind, live, v.drop...)
	}
	return nil
}

// foreground lets an owner go whose dependents have gone, and else sees to these.
func (gc *Collector) foreground(ctx context.Context, n *node) error {
	blocked := false
	for _, dependent := range gc.graph.dependentsOf(n.uid) {
		if dependent.blocks(n.uid) {
			blocked = true
		}
		if !dependent.deleting {
			gc.enqueue([]types.UID{dependent.uid})
		}
	}
	if blocked {
		return nil // the going of each dependent brings us here again
	}
	return gc.dropFinalizer(ctx, n, metav1.FinalizerDeleteDependents)
}

// orphan takes an owner out of its dependents, and then lets it go.
func (gc *Collector) orphan(ctx context.Context, n *node) error {
	var failures []error
	for _, dependent := range gc.graph.dependentsOf(n.uid) {
		live, err := gc.live(ctx, dependent)
		if err == nil && live != nil {
			err = dropOwners(ctx, client.Metadata(gc.client, dependent.resource), live, n.uid)
		}
		if ignoreGone(err) != nil {
			failures = append(failures, err)
		}
	}
	if len(failures) > 0 {
		return errors.Join(failures...)
	}
	return gc.dropFinalizer(ctx, n, metav1.FinalizerOrphanDependents)
}

func (gc *Collector) dropFinalizer(ctx context.Context, n *node, finalizer string) error {
	live, err := gc.live(ctx, n)
	if live == nil || err != nil || !slices.Contains(live.Finalizers, finalizer) {
		return err
	}
	left := slices.DeleteFunc(live.Finalizers, func(f string) bool { return f == finalizer })
	_, err = patch(ctx, client.Metadata(gc.client, n.resource), live, "finalizers", left)
	return ignoreGone(err)
}

// live returns the object as it is on the server, or nil if it is gone.
func (gc *Collector) live(ctx context.Context, n *node) (*metav1.PartialObjectMetadata, error) {
	live, err := client.Metadata(gc.client, n.resource).Get(ctx, n.namespace, n.name)
	switch {
	case apierrors.IsNotFound(err), err == nil && live.UID != n.uid:
		gc.enqueue(gc.graph.remove(n.uid))
		return nil, nil
	case err != nil:
		return nil, err
	}
	return live, nil
}

func dropOwners(ctx context.Context, kind *client.Kind[*metav1.PartialObjectMetadata], live *metav1.PartialObjectMetadata, drop ...types.UID) error {
	refs := slices.DeleteFunc(slices.Clone(live.OwnerReferences), func(ref metav1.OwnerReference) bool {
		return slices.Contains(drop, ref.UID)
	})
	if len(refs) == len(live.OwnerReferences) {
		return nil
	}
	_, err := patch(ctx, kind, live, "ownerReferences", refs)
	return err
}

// patch sets one field of an object's metadata, if the object is as we saw it.
func patch(ctx context.Context, kind *client.Kind[*metav1.PartialObjectMetadata], live *metav1.PartialObjectMetadata, field string, value any) (*metav1.PartialObjectMetadata, error) {
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": live.UID, "resourceVersion": live.ResourceVersion, field: value,
	}})
	if err != nil {
		return nil, err
	}
	return kind.Patch(ctx, live.Namespace, live.Name, types.MergePatchType, data)
}

// reportForeign tells people of an owner that cannot be one.
func (gc *Collector) reportForeign(n *node, ref metav1.OwnerReference) {
	obj := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: n.namespace, Name: n.name, UID: n.uid}}
	obj.SetGroupVersionKind(n.resource.GroupVersionKind)
	gc.recorder.Eventf(obj, corev1.EventTypeWarning, "OwnerRefInvalidNamespace",
		"ownerRef [%s/%s, name: %s, uid: %s] does not exist in namespace %q", ref.APIVersion, ref.Kind, ref.Name, ref.UID, n.namespace)
}

func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
