package connect

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// maxUnconfirmed is how many evictions the budget's controller may lag behind.
const maxUnconfirmed = 2000

// What clients hear of a budget that does not let a pod go.
const (
	wouldViolate = "Cannot evict pod as it would violate the pod's disruption budget."
	twoBudgets   = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
)

// spend asks the budget of a pod, if it has one, to let the pod go, and takes
// that off it. What it returns says whether the pod may still go in the state it
// is in by then: one that is unready is missed by nobody, as long as it stays so.
func (e eviction) spend(ctx context.Context, pod *corev1.Pod, dryRun bool) (mayGo func(*corev1.Pod) error, err error) {
	free := func(*corev1.Pod) error { return nil }
	budget, err := e.budgetOf(ctx, pod)
	if err != nil || budget == nil {
		return free, err
	}
	if !isReady(pod) {
		policy := budget.Spec.UnhealthyPodEvictionPolicy
		enough := budget.Status.CurrentHealthy >= budget.Status.DesiredHealthy && budget.Status.DesiredHealthy > 0
		if enough || policy != nil && *policy == policyv1.AlwaysAllow {
			return func(now *corev1.Pod) error {
				if now.ResourceVersion != pod.ResourceVersion {
					return stillProcessed(budget.Name)
				}
				return nil
			}, nil
		}
	}
	if dryRun {
		return free, take(budget.DeepCopy(), pod.Name)
	}
	_, err = typed.Modify(ctx, e.objects, budget.Namespace, budget.Name, func(b *policyv1.PodDisruptionBudget) error {
		return take(b, pod.Name)
	})
	return free, err
}

// exempt says whether a pod may go without being asked for: it does not run yet,
// or no longer.
func exempt(pod *corev1.Pod) bool {
	switch pod.Status.Phase {
	case corev1.PodSucceeded, corev1.PodFailed, corev1.PodPending:
		return true
	}
	return pod.DeletionTimestamp != nil
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// budgetOf returns the budget that counts the pod, or nil.
func (e eviction) budgetOf(ctx context.Context, pod *corev1.Pod) (*policyv1.PodDisruptionBudget, error) {
	all, err := typed.List[*policyv1.PodDisruptionBudget](ctx, e.objects, pod.Namespace)
	if err != nil {
		return nil, err
	}
	var found *policyv1.PodDisruptionBudget
	for _, b := range all {
		// A selector that cannot be read was refused when the budget was written.
		selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(pod.Labels)) {
			continue
		}
		if found != nil {
			return nil, &apierrors.StatusError{ErrStatus: metav1.Status{
				Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Message: twoBudgets,
			}}
		}
		found = b
	}
	return found, nil
}

// take counts one pod more that goes, or says why it must not. The budget's
// controller works out anew how many may, once it has seen the pod go.
func take(b *policyv1.PodDisruptionBudget, pod string) error {
	switch status := &b.Status; {
	case status.ObservedGeneration < b.Generation:
		return stillProcessed(b.Name)
	case status.DisruptionsAllowed < 0:
		return blame(forbidden(b, "pdb disruptions allowed is negative"),
			"The disruption budget %s does not allow evicting pods currently: pdb disruptions allowed is negative", b.Name)
	case len(status.DisruptedPods) > maxUnconfirmed:
		return blame(forbidden(b, "DisruptedPods map too big - too many evictions not confirmed by PDB controller"),
			"The disruption budget %s does not allow evicting pods currently: too many pending evictions not confirmed by PDB controller", b.Name)
	case status.DisruptionsAllowed == 0:
		return blame(apierrors.NewTooManyRequests(wouldViolate, 0), "%s", whyNone(b))
	}
	if b.Status.DisruptionsAllowed--; b.Status.DisruptionsAllowed == 0 {
		meta.SetStatusCondition(&b.Status.Conditions, metav1.Condition{
			Type: policyv1.DisruptionAllowedCondition, Status: metav1.ConditionFalse,
			Reason: policyv1.InsufficientPodsReason, ObservedGeneration: b.Status.ObservedGeneration,
		})
	}
	if b.Status.DisruptedPods == nil {
		b.Status.DisruptedPods = map[string]metav1.Time{}
	}
	b.Status.DisruptedPods[pod] = metav1.Now()
	return nil
}

// stillProcessed asks a client to come again in 10 seconds.
func stillProcessed(budget string) error {
	return blame(apierrors.NewTooManyRequests(wouldViolate, 10),
		"The disruption budget %s is still being processed by the server.", budget)
}

func forbidden(b *policyv1.PodDisruptionBudget, why string) *apierrors.StatusError {
	return apierrors.NewForbidden(policyv1.Resource("poddisruptionbudget"), b.Name, errors.New(why))
}

// blame names the budget as the cause of an error.
func blame(err *apierrors.StatusError, format string, args ...any) error {
	err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{
		Type: policyv1.DisruptionBudgetCause, Message: fmt.Sprintf(format, args...),
	})
	return err
}

// whyNone says why a budget allows nothing at present.
func whyNone(b *policyv1.PodDisruptionBudget) string {
	said := meta.FindStatusCondition(b.Status.Conditions, policyv1.DisruptionAllowedCondition)
	told := said != nil && said.Status == metav1.ConditionFalse && said.Message != ""
	switch {
	case told && said.Reason == policyv1.SyncFailedReason:
		return fmt.Sprintf("The disruption budget %s does not allow evicting pods currently because it failed sync: %s", b.Name, said.Message)
	case b.Status.CurrentHealthy <= b.Status.DesiredHealthy:
		return fmt.Sprintf("The disruption budget %s needs %d healthy pods and has %d currently",
			b.Name, b.Status.DesiredHealthy, b.Status.CurrentHealthy)
	case told:
		return fmt.Sprintf("The disruption budget %s does not allow evicting pods currently (%s): %s", b.Name, said.Reason, said.Message)
	default:
		return fmt.Sprintf("The disruption budget %s does not allow evicting pods currently", b.Name)
	}
}
