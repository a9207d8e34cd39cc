package cluster_test

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

const autoscaler = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 1
  maxReplicas: 4
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}
`

func TestAutoscaler_followsTheLoad(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var cores atomic.Uint64 // what each pod uses, a float64
		serve := app("v1")
		c := clustertest.New(t, clustertest.WithImage("web:v1", func(ctx context.Context, p *goroutine.Process) int {
			go func() {
				for ctx.Err() == nil {
					p.SetCPU(math.Float64frombits(cores.Load()))
					select {
					case <-time.After(time.Second):
					case <-ctx.Done():
					}
				}
			}()
			return serve(ctx, p)
		}))
		use := func(n float64) { cores.Store(math.Float64bits(n)) }
		replicas := func() int32 {
			return clustertest.Get[*appsv1.Deployment](c, "default", "web").Status.AvailableReplicas
		}
		use(0.05) // half of the request: just what is wanted
		c.Apply(web("web:v1", 1))
		c.Apply(autoscaler)
		waitRolledOut(c, "web")
		time.Sleep(3 * time.Minute)
		require.EqualValues(t, 1, replicas())

		use(0.2)
		c.WaitWithin(3*time.Minute, "the autoscaler to add pods", func() bool { return replicas() == 4 })
		var figures metricsv1beta1.PodMetricsList
		require.NoError(t, c.Client().Do(t.Context(), "GET", "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods", nil, nil, &figures))
		require.NotEmpty(t, figures.Items)
		require.InDelta(t, 0.2, figures.Items[0].Containers[0].Usage.Cpu().AsApproximateFloat64(), 0.01)

		use(0)
		quiet := time.Now()
		time.Sleep(4 * time.Minute)
		require.EqualValues(t, 4, replicas(), "a pause in the load is survived")
		c.WaitWithin(5*time.Minute, "the autoscaler to take pods away", func() bool { return replicas() == 1 })
		require.InDelta(t, 5*60, time.Since(quiet).Seconds(), 20, "five minutes after it last wanted four")
	})
}
