package kubelet

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
)

// runLease gives a sign of life: it renews the node's Lease, which is cheap to
// write and to watch, unlike the node's status. See
// https://kubernetes.io/docs/concepts/architecture/leases/#node-heart-beats.
func (k *Kubelet) runLease(ctx context.Context) error {
	every := k.cfg.LeaseDuration / 4
	var lease *coordinationv1.Lease
	for {
		fresh, err := k.renewLease(ctx, lease)
		wait := every
		if err != nil && ctx.Err() == nil {
			k.log.Warn("renew lease", "err", err)
			wait = min(every, writeRetry)
		}
		lease = fresh
		if sleep(ctx, wait) != nil {
			return nil
		}
	}
}

// renewLease writes the lease and returns it, or nil to read it again the next
// time.
func (k *Kubelet) renewLease(ctx context.Context, lease *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	leases := client.For[*coordinationv1.Lease](k.cfg.Client)
	remembered := lease != nil
	if !remembered {
		found, err := leases.Get(ctx, corev1.NamespaceNodeLease, k.cfg.NodeName)
		if apierrors.IsNotFound(err) {
			return leases.Create(ctx, k.newLease())
		}
		if err != nil {
			return nil, err
		}
		lease = found
	}
	lease = lease.DeepCopy()
	want := k.newLease()
	lease.Spec = want.Spec
	if len(lease.OwnerReferences) == 0 {
		lease.OwnerReferences = want.OwnerReferences
	}
	written, err := leases.Update(ctx, lease)
	if remembered && (apierrors.IsConflict(err) || apierrors.IsNotFound(err)) {
		// Somebody else wrote it, or the API server's store was restored: what
		// we remember of it is nothing that it has.
		return k.renewLease(ctx, nil)
	}
	if err != nil {
		return nil, err
	}
	return written, nil
}

func (k *Kubelet) newLease() *coordinationv1.Lease {
	now := metav1.NewMicroTime(time.Now())
	seconds := int32(k.cfg.LeaseDuration / time.Second)
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: k.cfg.NodeName},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &k.cfg.NodeName, LeaseDurationSeconds: &seconds, RenewTime: &now,
		},
	}
	if node, ok := k.nodes.Get("", k.cfg.NodeName); ok {
		lease.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: node.Name, UID: node.UID}}
	}
	return lease
}
