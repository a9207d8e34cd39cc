package auth

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// deletedLeeway is how long a token outlives the deletion mark of its object:
// a pod that shuts down may still have things to say.
const deletedLeeway = time.Minute

// checkBindings refuses a token whose service account, or the object it is
// bound to, is gone or was replaced by another of the same name.
func (t *Tokens) checkBindings(ctx context.Context, b *bindings) error {
	account, err := typed.Get[*corev1.ServiceAccount](ctx, t.objects, b.Namespace, b.ServiceAccount.Name)
	if err := checkRef("service account", &b.ServiceAccount, account, err); err != nil {
		return err
	}
	if b.Pod != nil {
		pod, err := typed.Get[*corev1.Pod](ctx, t.objects, b.Namespace, b.Pod.Name)
		if err := checkRef("pod", b.Pod, pod, err); err != nil {
			return err
		}
	}
	if b.Secret != nil {
		secret, err := typed.Get[*corev1.Secret](ctx, t.objects, b.Namespace, b.Secret.Name)
		if err := checkRef("secret", b.Secret, secret, err); err != nil {
			return err
		}
	}
	// A token of a pod names the pod's node for information only; the pod is
	// what it is bound to (KEP-4193).
	if b.Node != nil && b.Pod == nil {
		node, err := typed.Get[*corev1.Node](ctx, t.objects, "", b.Node.Name)
		if err := checkRef("node", b.Node, node, err); err != nil {
			return err
		}
	}
	return nil
}

func checkRef(what string, want *ref, found api.Object, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("the token's %s %s: %w", what, want.Name, err)
	case string(found.GetUID()) != want.UID:
		return fmt.Errorf("the token's %s %s was replaced: its uid is %s, not %s", what, want.Name, found.GetUID(), want.UID)
	}
	if deleted := found.GetDeletionTimestamp(); deleted != nil && time.Now().After(deleted.Add(deletedLeeway)) {
		return fmt.Errorf("the token's %s %s has been deleted", what, want.Name)
	}
	return nil
}
