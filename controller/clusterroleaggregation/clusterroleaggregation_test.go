package clusterroleaggregation_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/clusterroleaggregation"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

func reading(resource string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{"example.com"}, Resources: []string{resource}}
}

func role(name, label string, rules ...rbacv1.PolicyRule) *rbacv1.ClusterRole {
	r := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
	if label != "" {
		r.Labels = map[string]string{label: "true"}
	}
	return r
}

func taking(name, label, in string) *rbacv1.ClusterRole {
	r := role(name, label, reading("written-by-hand"))
	r.AggregationRule = &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{in: "true"}}}}
	return r
}

func TestUnion(t *testing.T) {
	all := []*rbacv1.ClusterRole{
		role("b", "small", reading("b"), reading("both")), role("a", "small", reading("a"), reading("both")), role("c", "", reading("c")),
	}
	union, err := clusterroleaggregation.Union(taking("view", "small", "small"), all)
	require.NoError(t, err)
	require.Equal(t, []rbacv1.PolicyRule{reading("a"), reading("both"), reading("b")}, union)
	broken := taking("view", "", "small")
	broken.AggregationRule.ClusterRoleSelectors[0].MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "x", Operator: "Like"}}
	_, err = clusterroleaggregation.Union(broken, all)
	require.ErrorContains(t, err, "aggregation rule of ClusterRole view")
}

func TestController(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		informers := client.NewInformers(c)
		apitest.Run(t, clusterroleaggregation.New(c, informers, controller.Options{}).Run)
		apitest.Run(t, informers.Run)
		roles := client.For[*rbacv1.ClusterRole](c)
		for _, r := range []*rbacv1.ClusterRole{
			taking("large", "", "medium"), taking("middle", "medium", "small"), role("leaf", "small", reading("widgets")),
		} {
			_, err := roles.Create(t.Context(), r)
			require.NoError(t, err)
		}
		rules := func(name string) []rbacv1.PolicyRule {
			synctest.Wait()
			r, err := roles.Get(t.Context(), "", name)
			require.NoError(t, err)
			return r.Rules
		}
		require.Equal(t, []rbacv1.PolicyRule{reading("widgets")}, rules("middle"), "what was written by hand does not stay")
		require.Equal(t, []rbacv1.PolicyRule{reading("widgets")}, rules("large"), "through the other one")

		_, err := roles.Modify(t.Context(), "", "leaf", func(r *rbacv1.ClusterRole) error {
			r.Rules = append(r.Rules, reading("gadgets"))
			return nil
		})
		require.NoError(t, err)
		require.Len(t, rules("large"), 2)
		require.NoError(t, roles.Delete(t.Context(), "", "leaf"))
		require.Empty(t, rules("middle"))
		require.Empty(t, rules("large"))
	})
}

func ExampleUnion() {
	view := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "view"},
		AggregationRule: &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{
			{MatchLabels: map[string]string{"aggregate-to-view": "true"}},
		}},
	}
	widgets := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "widgets", Labels: map[string]string{"aggregate-to-view": "true"}},
		Rules:      []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{"example.com"}, Resources: []string{"widgets"}}},
	}
	union, err := clusterroleaggregation.Union(view, []*rbacv1.ClusterRole{view, widgets})
	fmt.Println(union[0].Verbs, union[0].Resources, err)
	// Output: [get] [widgets] <nil>
}
