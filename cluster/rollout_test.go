package cluster_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

func TestDeployment_rollsWithoutAFailedRequest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithImage("web:v1", app("v1")), clustertest.WithImage("web:v2", app("v2")))
		c.Apply(web("web:v1", 3))
		waitServing(c, 3)

		stop := load(t, c, "http://web/", 20*time.Millisecond)
		setImage(t, c, "web:v2")
		waitRolledOut(c, "web")
		waitServing(c, 3)
		answer, err := c.Get(t.Context(), "http://web/")
		require.NoError(t, err)
		require.Regexp(t, "^v2 ", answer)
		answers, failures := stop()
		require.Empty(t, failures)
		require.Len(t, answers, 6, "all of the old pods and all of the new: %v", answers)
	})
}

func TestDeployment_failedRolloutAndUndo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithImage("web:v1", app("v1")),
			clustertest.WithImage("web:v3", func(context.Context, *goroutine.Process) int { return 1 }))
		c.Apply(web("web:v1", 3))
		waitServing(c, 3)
		before := names(c)

		stop := load(t, c, "http://web/", 200*time.Millisecond)
		setImage(t, c, "web:v3")
		c.WaitWithin(clustertest.Patience*2, "the deadline to pass", func() bool {
			d := clustertest.Get[*appsv1.Deployment](c, "default", "web")
			return slices.ContainsFunc(d.Status.Conditions, func(cond appsv1.DeploymentCondition) bool {
				return cond.Type == appsv1.DeploymentProgressing && cond.Reason == "ProgressDeadlineExceeded"
			})
		})
		require.Subset(t, names(c), before, "the old pods keep serving")

		setImage(t, c, "web:v1") // what kubectl rollout undo does
		waitRolledOut(c, "web")
		require.Equal(t, before, names(c), "no old pod was replaced")
		answers, failures := stop()
		require.Empty(t, failures)
		for answer := range maps.Keys(answers) {
			require.True(t, strings.HasPrefix(answer, "v1 "), answer)
		}
		require.Len(t, clustertest.List[*appsv1.ReplicaSet](c, "default", "app=web"), 2, "the old ReplicaSet was used again")
	})
}

func names(c *clustertest.Cluster) []string {
	var out []string
	for _, p := range podsOf(c, "web") {
		out = append(out, p.Name)
	}
	return out
}
