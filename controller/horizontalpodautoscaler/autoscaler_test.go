package horizontalpodautoscaler_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	hpa "github.com/coracle-k8s/coracle/controller/horizontalpodautoscaler"
	"github.com/coracle-k8s/coracle/controller/replicaset"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

// A load is spread over all ready pods: what metrics.k8s.io tells of them. A
// load of -1 is a metrics server that is down.
type load struct {
	next   http.RoundTripper
	pods   *client.Kind[*corev1.Pod]
	millis atomic.Int64
}

func (l *load) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(req.URL.Path, "/apis/metrics.k8s.io/") || l.millis.Load() < 0 {
		return l.next.RoundTrip(req)
	}
	found, err := l.pods.List(req.Context(), "default", client.ListOptions{LabelSelector: req.URL.Query().Get("labelSelector")})
	if err != nil {
		return nil, err
	}
	list := metricsv1beta1.PodMetricsList{TypeMeta: metav1.TypeMeta{APIVersion: "metrics.k8s.io/v1beta1", Kind: "PodMetricsList"}}
	share := l.millis.Load() / int64(max(1, len(found.Items)))
	for _, p := range found.Items {
		list.Items = append(list.Items, metricsv1beta1.PodMetrics{
			ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace},
			Timestamp:  metav1.Now(), Window: metav1.Duration{Duration: 10 * time.Second},
			Containers: []metricsv1beta1.ContainerMetrics{{Name: "app", Usage: corev1.ResourceList{corev1.ResourceCPU: *resource.NewMilliQuantity(share, resource.DecimalSI)}}},
		})
	}
	data, err := json.Marshal(list)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(data)), Request: req,
	}, err
}

type world struct {
	load *load
	hpas *client.Kind[*autoscalingv2.HorizontalPodAutoscaler]
	sets *client.Kind[*appsv1.ReplicaSet]
}

// inBubble runs one pod of a set, an autoscaler that aims at half of what its
// pods request (a processor), from one to five.
func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		server := apitest.Start(t)
		plain := server.Client(t)
		w := &world{load: &load{pods: client.For[*corev1.Pod](plain)}}
		c := server.Client(t, func(next http.RoundTripper) http.RoundTripper { w.load.next = next; return w.load })
		w.load.millis.Store(500)
		(&apitest.Kubelet{Start: time.Second}).Run(t, plain)
		informers := client.NewInformers(c)
		ctls := []*controller.Controller{
			hpa.New(c, informers, 0, controller.Options{}), replicaset.New(c, informers, controller.Options{}),
		}
		apitest.Run(t, informers.Run)
		for _, ctl := range ctls {
			apitest.Run(t, ctl.Run)
		}
		w.hpas, w.sets = client.For[*autoscalingv2.HorizontalPodAutoscaler](c), client.For[*appsv1.ReplicaSet](c)
		one, labels := int32(1), map[string]string{"app": "web"}
		_, err := w.sets.Create(t.Context(), &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
			Spec: appsv1.ReplicaSetSpec{
				Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "app", Image: "v1", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}},
				}}}},
			},
		})
		require.NoError(t, err)
		settle(time.Minute)
		share := int32(50)
		_, err = w.hpas.Create(t.Context(), &autoscalingv2.HorizontalPodAutoscaler{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
			Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
				ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web"},
				MinReplicas:    &one, MaxReplicas: 5,
				Metrics: []autoscalingv2.MetricSpec{{
					Type: autoscalingv2.ResourceMetricSourceType,
					Resource: &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{
						Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &share,
					}},
				}},
			},
		})
		require.NoError(t, err)
		settle(time.Second)
		test(t, w)
	})
}

func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) replicas(t *testing.T) int32 {
	t.Helper()
	rs, err := w.sets.Get(t.Context(), "default", "web")
	require.NoError(t, err)
	return *rs.Spec.Replicas
}

func (w *world) get(t *testing.T) *autoscalingv2.HorizontalPodAutoscaler {
	t.Helper()
	got, err := w.hpas.Get(t.Context(), "default", "web")
	require.NoError(t, err)
	return got
}

func (w *world) condition(t *testing.T, kind autoscalingv2.HorizontalPodAutoscalerConditionType) string {
	t.Helper()
	for _, c := range w.get(t).Status.Conditions {
		if c.Type == kind {
			return fmt.Sprint(c.Status, " ", c.Reason)
		}
	}
	return "none"
}

func TestAutoscaler_FollowsTheLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		require.EqualValues(t, 1, w.replicas(t))
		status := w.get(t).Status
		require.EqualValues(t, 50, *status.CurrentMetrics[0].Resource.Current.AverageUtilization)
		require.EqualValues(t, 1, *status.ObservedGeneration)

		t.Log("load comes: more pods, at most five")
		w.load.millis.Store(1500)
		settle(15 * time.Second)
		require.EqualValues(t, 3, w.replicas(t))
		require.Equal(t, "True SucceededRescale", w.condition(t, autoscalingv2.AbleToScale))
		w.load.millis.Store(9000)
		settle(6 * time.Minute) // the start of new pods says nothing for some time
		require.EqualValues(t, 5, w.replicas(t))
		require.Equal(t, "True TooManyReplicas", w.condition(t, autoscalingv2.ScalingLimited))

		t.Log("its end makes them go, after five minutes")
		w.load.millis.Store(400)
		settle(4 * time.Minute)
		require.EqualValues(t, 5, w.replicas(t))
		require.Equal(t, "True ScaleDownStabilized", w.condition(t, autoscalingv2.AbleToScale))
		settle(2 * time.Minute)
		require.EqualValues(t, 1, w.replicas(t))
		require.NotNil(t, w.get(t).Status.LastScaleTime)
	})
}

func TestAutoscaler_ThatKnowsNothingDoesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.load.millis.Store(-1)
		settle(time.Minute)
		require.EqualValues(t, 1, w.replicas(t))
		require.Equal(t, "False FailedGetResourceMetric", w.condition(t, autoscalingv2.ScalingActive))

		t.Log("but bounds are bounds")
		four := int32(4)
		_, err := w.hpas.Modify(t.Context(), "default", "web", func(h *autoscalingv2.HorizontalPodAutoscaler) error { h.Spec.MinReplicas = &four; return nil })
		require.NoError(t, err)
		settle(time.Second)
		require.EqualValues(t, 4, w.replicas(t), "at once, when its spec is changed")

		t.Log("a target scaled to nothing is switched off")
		_, err = w.sets.Modify(t.Context(), "default", "web", func(rs *appsv1.ReplicaSet) error { *rs.Spec.Replicas = 0; return nil })
		require.NoError(t, err)
		w.load.millis.Store(500)
		settle(time.Minute)
		require.Zero(t, w.replicas(t))
		require.Equal(t, "False ScalingDisabled", w.condition(t, autoscalingv2.ScalingActive))

		t.Log("and one that is not there cannot be scaled")
		require.NoError(t, w.sets.Delete(t.Context(), "default", "web"))
		settle(time.Minute)
		require.Equal(t, "False FailedGetScale", w.condition(t, autoscalingv2.AbleToScale))
	})
}
