package admission

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/quota"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// ResourceQuota charges what is created to the quotas of its namespace, and
// refuses what they have no room for
// (https://kubernetes.io/docs/concepts/policy/resource-quotas/).
//
//	quota.status   hard: pods 2   used: pods 1
//	                                 │ one writer wins, the other looks again
//	two requests ──┬── used: pods 2 ─┘───▶ stored
//	               └── used: pods 2, no room ───▶ 403 exceeded quota
//
// Used is a number in the store, and to raise it, on condition that nobody else
// has meanwhile, is the decision; so two requests, or two servers, cannot
// both have the last of it. It comes last of all hooks, that no request is charged
// which another one refuses. One that fails after all leaves its charge behind,
// as nobody can tell whether it did; a controller, which counts what there is,
// takes it back.
type ResourceQuota struct {
	Objects apiserver.Objects
}

// Mutate implements apiserver.Hook.
func (ResourceQuota) Mutate(context.Context, *apiserver.Admission) error { return nil }

// Validate implements apiserver.Hook.
func (h ResourceQuota) Validate(ctx context.Context, a *apiserver.Admission) error {
	if !charged(a) {
		return nil
	}
	quotas, err := typed.List[*corev1.ResourceQuota](ctx, h.Objects, a.Namespace)
	if err != nil {
		return err
	}
	meter := quota.For(a.Resource.GroupResource())
	// First ask all, so that one without room keeps the others from being charged.
	var due []*corev1.ResourceQuota
	for _, q := range quotas {
		charge, err := chargeFor(a, meter, q)
		if err != nil {
			return err
		}
		if len(charge) > 0 {
			due = append(due, q)
		}
	}
	if a.DryRun {
		return nil
	}
	for _, q := range due {
		if err := h.charge(ctx, a, meter, q.Name); err != nil {
			return err
		}
	}
	return nil
}

func (h ResourceQuota) charge(ctx context.Context, a *apiserver.Admission, meter quota.Meter, name string) error {
	_, err := typed.Modify(ctx, h.Objects, a.Namespace, name, func(q *corev1.ResourceQuota) error {
		charge, err := chargeFor(a, meter, q)
		if err == nil {
			q.Status.Used = quota.Add(q.Status.Used, charge)
		}
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil // deleted meanwhile: nothing limits any more
	}
	return err
}

// charged: what is created, and the updates by which something of a kind comes
// to need more or to count elsewhere.
func charged(a *apiserver.Admission) bool {
	if a.Namespace == "" || a.Object == nil || a.Resource.Virtual {
		return false
	}
	created, updated := on(a, apiserver.Create), on(a, apiserver.Update)
	switch obj := a.Object.(type) {
	case *corev1.Pod:
		old, _ := a.Old.(*corev1.Pod)
		return created || updated && quota.PodEnds(obj) != quota.PodEnds(old) ||
			a.Operation == apiserver.Update && a.Subresource == "resize"
	case *corev1.Service:
		return created || updated
	case *corev1.PersistentVolumeClaim:
		return created || updated || a.Operation == apiserver.Update && a.Subresource == "status"
	}
	return created
}

// chargeFor returns what the write takes from a quota, or why it may not.
func chargeFor(a *apiserver.Admission, meter quota.Meter, q *corev1.ResourceQuota) (corev1.ResourceList, error) {
	if !meter.Concerns(q, a.Object) {
		return nil, nil
	}
	refuse := func(format string, args ...any) error {
		return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, fmt.Errorf(format, args...))
	}
	names := meter.Named(quota.Names(q.Status.Hard))
	if pod, ok := a.Object.(*corev1.Pod); ok {
		if missing := missingText(quota.MissingOfPod(pod, names)); missing != "" {
			return nil, refuse("failed quota: %s: must specify %s", q.Name, missing)
		}
	}
	for _, name := range names {
		if _, known := q.Status.Used[name]; !known {
			return nil, refuse("status unknown for quota: %s, resources: %s", q.Name, join(names))
		}
	}
	if negative := quota.Negative(meter.Usage(a.Object)); len(negative) > 0 {
		return nil, refuse("quota usage is negative for resource(s): %s", join(negative))
	}
	charge := meter.Charge(q, a.Object, replaced(a))
	for _, name := range quota.Negative(charge) {
		delete(charge, name) // only the controller gives back
	}
	asked := quota.Names(charge)
	after := quota.Mask(quota.Add(q.Status.Used, charge), asked)
	if over := quota.Exceeding(after, q.Status.Hard); len(over) > 0 && a.Subresource != "status" {
		return nil, refuse("exceeded quota: %s, requested: %s, used: %s, limited: %s", q.Name,
			quota.Text(quota.Mask(charge, over)), quota.Text(quota.Mask(q.Status.Used, over)), quota.Text(quota.Mask(q.Status.Hard, over)))
	}
	return charge, nil
}

// replaced is the object that the write takes the place of, or nil.
func replaced(a *apiserver.Admission) api.Object {
	if a.Operation != apiserver.Update {
		return nil
	}
	return a.Old
}

// missingText writes "limits.cpu for: app,sidecar; requests.cpu for: app".
func missingText(missing map[corev1.ResourceName][]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		parts = append(parts, fmt.Sprintf("%s for: %s", name, strings.Join(missing[name], ",")))
	}
	return strings.Join(parts, "; ")
}

func join(names []corev1.ResourceName) string {
	var parts []string
	for _, name := range names {
		parts = append(parts, string(name))
	}
	return strings.Join(parts, ",")
}
