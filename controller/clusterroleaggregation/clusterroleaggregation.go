package clusterroleaggregation

import (
	"context"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// New returns the controller. Its keys are the names of roles that take in others.
func New(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	roles := client.Shared[*rbacv1.ClusterRole](informers)
	r := &reconciler{roles: roles, write: client.For[*rbacv1.ClusterRole](c)}
	ctl := controller.New("clusterrole-aggregation", r, opts)
	controller.Watch(ctl, roles, func(*rbacv1.ClusterRole) []controller.Key {
		var keys []controller.Key // whatever changes may concern each of them
		for _, role := range roles.List("", nil) {
			if role.AggregationRule != nil {
				keys = append(keys, controller.KeyOf(role))
			}
		}
		return keys
	})
	return ctl
}

type reconciler struct {
	roles *client.Informer[*rbacv1.ClusterRole]
	write *client.Kind[*rbacv1.ClusterRole]
}

// Reconcile implements controller.Reconciler.
func (r *reconciler) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	role, ok := r.roles.Get("", key.Name)
	if !ok || role.AggregationRule == nil || role.DeletionTimestamp != nil {
		return controller.Result{}, nil
	}
	union, err := Union(role, r.roles.List("", nil))
	if err != nil || equality.Semantic.DeepEqual(role.Rules, union) {
		return controller.Result{}, err
	}
	_, err = r.write.Modify(ctx, "", key.Name, func(live *rbacv1.ClusterRole) error {
		live.Rules = union
		return nil
	})
	if apierrors.IsNotFound(err) {
		return controller.Result{}, nil
	}
	return controller.Result{}, err
}

// Union returns the rules of the roles that role takes in, in the order of their
// names, each rule once.
func Union(role *rbacv1.ClusterRole, all []*rbacv1.ClusterRole) ([]rbacv1.PolicyRule, error) {
	var selectors []labels.Selector
	for i := range role.AggregationRule.ClusterRoleSelectors {
		selector, err := metav1.LabelSelectorAsSelector(&role.AggregationRule.ClusterRoleSelectors[i])
		if err != nil {
			return nil, fmt.Errorf("aggregation rule of ClusterRole %s: %w", role.Name, err)
		}
		selectors = append(selectors, selector)
	}
	var union []rbacv1.PolicyRule
	for _, other := range sortedByName(all) {
		takenIn := other.Name != role.Name && slices.ContainsFunc(selectors, func(s labels.Selector) bool {
			return s.Matches(labels.Set(other.Labels))
		})
		if !takenIn {
			continue
		}
		for _, rule := range other.Rules {
			if !slices.ContainsFunc(union, func(have rbacv1.PolicyRule) bool { return equality.Semantic.DeepEqual(have, rule) }) {
				union = append(union, rule)
			}
		}
	}
	return union, nil
}

func sortedByName(roles []*rbacv1.ClusterRole) []*rbacv1.ClusterRole {
	return slices.SortedFunc(slices.Values(roles), func(a, b *rbacv1.ClusterRole) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
}
