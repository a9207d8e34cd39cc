package admission

import (
	"context"
	"errors"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
)

// errTaken says that somebody else holds what was to be claimed.
var errTaken = errors.New("provided value is already allocated")

const (
	// pendingTime is how long a claim holds by itself, without an object that
	// uses it: longer than any request takes from admission to the store.
	pendingTime = 2 * time.Minute
	// freeSeconds is how long a claim that was given up stays in the store.
	freeSeconds = 60
)

// claims is a book of who holds which of a set of names. Each is a small object
// of its own in the store, so that the store's own create and compare-and-swap
// decide races, between servers too. It is a Lease with these meanings:
//
//	holderIdentity        who holds it; none: nobody, and the store forgets it soon
//	acquireTime           since when
//	leaseDurationSeconds  how long that counts without proof
//
// A claim is made before the object that needs it is stored, and can outlive
// it. So a claim is held while it is young, or while its holder proves to use it;
// any other is anybody's. There is nothing to roll back when a request fails
// halfway, and nothing to repair after a crash.
//
// A claim's object is never deleted but let expire by the store, whose expiry
// does not happen to an object that was rewritten: deleting one that another
// claims at the same moment would give it to two.
type claims struct {
	objects  apiserver.Objects
	resource *api.Resource
	// uses reports whether the holder exists and uses the name.
	uses func(ctx context.Context, holder, name string) (bool, error)
}

func newClaims(objects apiserver.Objects, segment string, uses func(ctx context.Context, holder, name string) (bool, error)) *claims {
	return &claims{objects: objects, uses: uses, resource: &api.Resource{
		GroupVersionKind: coordinationv1.SchemeGroupVersion.WithKind("Lease"),
		Plural:           "leases",
		StorageKey:       "coracle/" + segment,
		New:              func() api.Object { return &coordinationv1.Lease{} },
		NewList:          func() runtime.Object { return &coordinationv1.LeaseList{} },
		TTLSeconds: api.Value(func(claim *coordinationv1.Lease) int64 {
			if claim.Spec.HolderIdentity == nil {
				return freeSeconds
			}
			return 0
		}),
	}}
}

// claim takes a name for a holder, or returns errTaken. Claiming again what one
// holds is allowed.
func (c *claims) claim(ctx context.Context, name, holder string) error {
	fresh := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name}}
	hold(fresh, holder, pendingTime)
	for {
		_, err := c.objects.Create(ctx, c.resource, fresh)
		if !apierrors.IsAlreadyExists(err) {
			return err
		}
		err = c.takeOver(ctx, name, holder)
		if !apierrors.IsNotFound(err) {
			return err
		}
		// An old claim expired between the two: from the start.
	}
}

// takeOver makes the claim of a name the holder's, unless another holds it.
func (c *claims) takeOver(ctx context.Context, name, holder string) error {
	_, err := c.objects.Modify(ctx, c.resource, "", name, func(obj api.Object) error {
		claim := obj.(*coordinationv1.Lease)
		held, err := c.held(ctx, claim)
		switch {
		case err != nil:
			return err
		case held && *claim.Spec.HolderIdentity != holder:
			return errTaken
		case held && time.Until(pendingUntil(claim)) > pendingTime/2:
			return nil // ours, a moment ago
		}
		hold(claim, holder, pendingTime)
		return nil
	})
	return err
}

// release makes a claim count only as far as its holder uses it. Call it before
// the holder goes away or stops using the name: whether that then happens does
// not matter.
func (c *claims) release(ctx context.Context, name, holder string) error {
	_, err := c.objects.Modify(ctx, c.resource, "", name, func(obj api.Object) error {
		claim := obj.(*coordinationv1.Lease)
		if claim.Spec.HolderIdentity != nil && *claim.Spec.HolderIdentity == holder {
			hold(claim, holder, 0)
		}
		return nil
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// sweep lets go of all claims that nobody holds.
func (c *claims) sweep(ctx context.Context) error {
	all, err := c.objects.List(ctx, c.resource, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, obj := range all {
		held, err := c.held(ctx, obj.(*coordinationv1.Lease))
		if err == nil && !held {
			_, err = c.objects.Modify(ctx, c.resource, "", obj.GetName(), func(obj api.Object) error {
				claim := obj.(*coordinationv1.Lease)
				held, err := c.held(ctx, claim)
				if err == nil && !held {
					claim.Spec = coordinationv1.LeaseSpec{}
				}
				return err
			})
		}
		if err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// holders returns who seems to hold what. The answer is a hint: claim decides.
func (c *claims) holders(ctx context.Context) (map[string]string, error) {
	all, err := c.objects.List(ctx, c.resource, "")
	holders := make(map[string]string, len(all))
	for _, obj := range all {
		if holder := obj.(*coordinationv1.Lease).Spec.HolderIdentity; holder != nil {
			holders[obj.GetName()] = *holder
		}
	}
	return holders, err
}

func (c *claims) held(ctx context.Context, claim *coordinationv1.Lease) (bool, error) {
	if claim.Spec.HolderIdentity == nil {
		return false, nil
	}
	if time.Now().Before(pendingUntil(claim)) {
		return true, nil
	}
	return c.uses(ctx, *claim.Spec.HolderIdentity, claim.Name)
}

// pendingUntil is until when a claim holds without proof.
func pendingUntil(claim *coordinationv1.Lease) time.Time {
	if claim.Spec.AcquireTime == nil || claim.Spec.LeaseDurationSeconds == nil {
		return time.Time{}
	}
	return claim.Spec.AcquireTime.Add(time.Duration(*claim.Spec.LeaseDurationSeconds) * time.Second)
}

func hold(claim *coordinationv1.Lease, holder string, pending time.Duration) {
	now, seconds := metav1.NowMicro(), int32(pending/time.Second)
	claim.Spec = coordinationv1.LeaseSpec{HolderIdentity: &holder, AcquireTime: &now, LeaseDurationSeconds: &seconds}
}
