package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LeadOptions say which Lease to hold, and how firmly. The durations must
// satisfy LeaseDuration > RenewDeadline > RetryPeriod.
type LeadOptions struct {
	// Namespace and Name of the Lease, and who we are. Required.
	Namespace, Name, Identity string
	// LeaseDuration is how long the others wait after the leader's last sign
	// of life before they take over; 15 s by default.
	LeaseDuration time.Duration
	// RenewDeadline is for how long a leader that cannot renew goes on; 10 s by default.
	RenewDeadline time.Duration
	// RetryPeriod is the time between tries to get or renew; 2 s by default.
	RetryPeriod time.Duration
}

// ErrLostLead says that a leader could not renew its Lease in time, or that
// somebody else holds it.
var ErrLostLead = errors.New("lost the lead")

func (o *LeadOptions) complete() error {
	if o.Namespace == "" || o.Name == "" || o.Identity == "" {
		return errors.New("a lease needs a namespace, a name and an identity")
	}
	for _, d := range []struct {
		value   *time.Duration
		initial time.Duration
	}{{&o.LeaseDuration, 15 * time.Second}, {&o.RenewDeadline, 10 * time.Second}, {&o.RetryPeriod, 2 * time.Second}} {
		if *d.value == 0 {
			*d.value = d.initial
		}
	}
	if o.LeaseDuration < time.Second || o.LeaseDuration <= o.RenewDeadline || o.RenewDeadline <= o.RetryPeriod {
		return fmt.Errorf("want lease %s > renew %s > retry %s, and a lease of a second or more",
			o.LeaseDuration, o.RenewDeadline, o.RetryPeriod)
	}
	return nil
}

// Lead waits until this process holds the Lease, runs run while it does, and
// returns run's error, after run has returned. When the lead is lost the context of run ends
// and the error is [ErrLostLead]; start the process anew then. At the end of ctx
// the Lease is given up, so that another need not wait.
//
// The algorithm is that of Kubernetes' leader election: a candidate looks at the
// Lease and takes it over when it has not changed for LeaseDuration on the
// candidate's own clock; clocks are never compared. Two leaders are possible for a
// moment if a process stops for longer than LeaseDuration - RenewDeadline between
// looking at its clock and acting, so what a leader writes still needs the
// protection of resourceVersions.
func Lead(ctx context.Context, c *Client, opts LeadOptions, run func(ctx context.Context) error) error {
	if err := opts.complete(); err != nil {
		return fmt.Errorf("lead: %w", err)
	}
	e := &election{LeadOptions: opts, leases: For[*coordinationv1.Lease](c)}
	if err := e.acquire(ctx); err != nil {
		return err
	}
	defer e.release(ctx)
	return e.lead(ctx, run)
}

// An election is one candidate's view. One goroutine uses it at a time.
type election struct {
	LeadOptions
	leases *Kind[*coordinationv1.Lease]
	// seen is the Lease as last looked at, and when it was first seen so.
	seen   *coordinationv1.Lease
	seenAt time.Time
}

// acquire tries until we hold the Lease or ctx ends.
func (e *election) acquire(ctx context.Context) error {
	for {
		if held, _ := e.try(ctx); held {
			return nil
		}
		jittered := e.RetryPeriod + rand.N(e.RetryPeriod/5+1)
		if err := sleep(ctx, jittered); err != nil {
			return fmt.Errorf("wait to lead %s/%s: %w", e.Namespace, e.Name, err)
		}
	}
}

// lead runs run, and renews until it returns or renewing fails.
func (e *election) lead(ctx context.Context, run func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()

	renewed := time.Now()
	ticker := time.NewTicker(e.RetryPeriod)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return <-done
		case <-ticker.C:
		}
		tryCtx, stop := context.WithDeadline(ctx, renewed.Add(e.RenewDeadline))
		held, other := e.try(tryCtx)
		stop()
		if held {
			renewed = time.Now()
		} else if ctx.Err() == nil && (other || time.Since(renewed) >= e.RenewDeadline) {
			cancel(ErrLostLead)
			<-done
			return fmt.Errorf("lead %s/%s: %w", e.Namespace, e.Name, ErrLostLead)
		}
	}
}

// try makes one attempt to take or renew the Lease. It returns whether we hold it
// and, if not, whether somebody else is known to.
func (e *election) try(ctx context.Context) (held, other bool) {
	lease, err := e.leases.Get(ctx, e.Namespace, e.Name)
	if apierrors.IsNotFound(err) {
		lease = &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: e.Namespace, Name: e.Name}}
		e.claim(lease)
		stored, err := e.leases.Create(ctx, lease)
		return e.note(stored, err)
	}
	if err != nil {
		return false, false
	}
	e.look(lease)
	if holder := holderOf(lease); holder != "" && holder != e.Identity && time.Since(e.seenAt) < e.theirDuration() {
		return false, true
	}
	e.claim(lease)
	stored, err := e.leases.Update(ctx, lease)
	return e.note(stored, err)
}

// look notes when the Lease last changed, on our clock.
func (e *election) look(lease *coordinationv1.Lease) {
	if e.seen == nil || e.seen.ResourceVersion != lease.ResourceVersion {
		e.seen, e.seenAt = lease.DeepCopy(), time.Now()
	}
}

func (e *election) note(stored *coordinationv1.Lease, err error) (held, other bool) {
	if err != nil {
		return false, false
	}
	e.look(stored)
	return true, false
}

// theirDuration is how long the present holder asked to be trusted.
func (e *election) theirDuration() time.Duration {
	if seconds := e.seen.Spec.LeaseDurationSeconds; seconds != nil && *seconds > 0 {
		return time.Duration(*seconds) * time.Second
	}
	return e.LeaseDuration
}

// claim makes us the holder, in the object.
func (e *election) claim(lease *coordinationv1.Lease) {
	now := metav1.NowMicro()
	seconds := int32(e.LeaseDuration / time.Second)
	if holderOf(lease) != e.Identity {
		var transitions int32
		if lease.Spec.LeaseTransitions != nil {
			transitions = *lease.Spec.LeaseTransitions + 1
		}
		lease.Spec.LeaseTransitions = &transitions
		lease.Spec.AcquireTime = &now
	}
	lease.Spec.HolderIdentity = &e.Identity
	lease.Spec.LeaseDurationSeconds = &seconds
	lease.Spec.RenewTime = &now
}

// release gives the Lease up, if it still is ours.
func (e *election) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.RetryPeriod)
	defer cancel()
	_, _ = e.leases.Modify(ctx, e.Namespace, e.Name, func(lease *coordinationv1.Lease) error {
		if holderOf(lease) != e.Identity {
			return ErrLostLead
		}
		nobody, now := "", metav1.NowMicro()
		lease.Spec.HolderIdentity, lease.Spec.RenewTime = &nobody, &now
		return nil
	})
}

func holderOf(lease *coordinationv1.Lease) string {
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}
