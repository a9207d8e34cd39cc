package controller_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

// journal notes when each key was reconciled, in milliseconds since the start.
type journal struct {
	mu    sync.Mutex
	start time.Time
	lines []string
}

func (j *journal) note(key controller.Key) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf("%d %s", time.Since(j.start).Milliseconds(), key))
}

func TestController_RetriesWithBackoffAndRequeues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{start: time.Now()}
		fails := 3
		ctl := controller.New("test", controller.ReconcilerFunc(func(_ context.Context, key controller.Key) (controller.Result, error) {
			j.note(key)
			switch {
			case key.Name == "flaky" && fails > 0:
				fails--
				return controller.Result{}, errors.New("not today")
			case key.Name == "panics" && fails > 0:
				fails--
				panic("oh")
			case key.Name == "again":
				return controller.Result{RequeueAfter: time.Hour}, nil
			}
			return controller.Result{}, nil
		}), controller.Options{})
		apitest.Run(t, ctl.Run)
		ctl.Enqueue(controller.Key{Namespace: "ns", Name: "flaky"})
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"0 ns/flaky", "5 ns/flaky", "15 ns/flaky", "35 ns/flaky"}, j.lines)

		j.lines, fails = nil, 1
		ctl.Enqueue(controller.Key{Name: "panics"})
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"1000 panics", "1005 panics"}, j.lines)

		j.lines = nil
		ctl.EnqueueAfter(controller.Key{Name: "again"}, time.Minute)
		time.Sleep(90 * time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"62000 again", "3662000 again"}, j.lines)
	})
}

func TestController_RunsKeysConcurrentlyButEachAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := map[controller.Key]int{}, 0
		count := func(key controller.Key, by int) {
			mu.Lock()
			defer mu.Unlock()
			running[key] += by
			require.LessOrEqual(t, running[key], 1, "%s runs twice at a time", key)
			total := 0
			for _, n := range running {
				total += n
			}
			most = max(most, total)
		}
		ctl := controller.New("test", controller.ReconcilerFunc(func(_ context.Context, key controller.Key) (controller.Result, error) {
			count(key, 1)
			time.Sleep(time.Second)
			count(key, -1)
			return controller.Result{}, nil
		}), controller.Options{Workers: 3})
		apitest.Run(t, ctl.Run)
		for i := range 100 {
			ctl.Enqueue(controller.Key{Name: fmt.Sprint(i % 5)})
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 3, most)
	})
}

func TestController_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, synced := range []bool{false, true} {
			source := make(chan struct{})
			if synced {
				close(source)
			}
			ended := false
			ctl := controller.New("test", controller.ReconcilerFunc(func(ctx context.Context, _ controller.Key) (controller.Result, error) {
				<-ctx.Done()
				ended = true
				return controller.Result{}, ctx.Err()
			}), controller.Options{})
			ctl.WaitFor(source)
			ctl.Enqueue(controller.Key{Name: "a"})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			require.NoError(t, ctl.Run(ctx))
			cancel()
			require.Equal(t, synced, ended, "what runs is awaited; without sources nothing runs")
		}
	})
}

func TestWatch_MapsChangesToKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		informers := client.NewInformers(c)
		j := &journal{start: time.Now()}
		ctl := controller.New("test", controller.ReconcilerFunc(func(_ context.Context, key controller.Key) (controller.Result, error) {
			j.note(key)
			return controller.Result{}, nil
		}), controller.Options{})
		configMaps := client.Shared[*corev1.ConfigMap](informers)
		controller.Watch(ctl, configMaps, controller.Owner[*corev1.ConfigMap]("Shop"))
		apitest.Run(t, informers.Run)
		apitest.Run(t, ctl.Run)
		j.start = time.Now()
		synctest.Wait()

		isController := true
		owned := func(by string) []metav1.OwnerReference {
			return []metav1.OwnerReference{
				{APIVersion: "v1", Kind: "Shop", Name: "not-" + by, UID: "u0"},
				{APIVersion: "v1", Kind: "Shop", Name: by, UID: "u1", Controller: &isController},
			}
		}
		kind := client.For[*corev1.ConfigMap](c)
		_, err := kind.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "a", OwnerReferences: owned("x")}})
		require.NoError(t, err)
		_, err = kind.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "free"}})
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, []string{"0 default/x"}, j.lines)

		time.Sleep(time.Second)
		j.lines = nil
		_, err = kind.Modify(t.Context(), "default", "a", func(cm *corev1.ConfigMap) error {
			cm.OwnerReferences = owned("y")
			return nil
		})
		require.NoError(t, err)
		synctest.Wait()
		require.ElementsMatch(t, []string{"1000 default/x", "1000 default/y"}, j.lines, "the old owner and the new")
	})
}

func TestMetrics_CountWhatHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		metrics, err := controller.NewMetrics(registry)
		require.NoError(t, err)
		var log bytes.Buffer
		ctl := controller.New("test", controller.ReconcilerFunc(func(_ context.Context, key controller.Key) (controller.Result, error) {
			if key.Name == "bad" {
				return controller.Result{}, errors.New("never")
			}
			return controller.Result{}, nil
		}), controller.Options{Metrics: metrics, Workers: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		ctl.Enqueue(controller.Key{Name: "good"})
		ctl.Enqueue(controller.Key{Name: "bad"})
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Millisecond)
		defer cancel()
		require.NoError(t, ctl.Run(ctx))
		require.Contains(t, log.String(), "key=bad retry=5ms error=never")

		values := map[string]float64{}
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, family := range families {
			metric := family.GetMetric()[0]
			require.Equal(t, "test", metric.GetLabel()[0].GetValue())
			values[family.GetName()] = metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
		require.Equal(t, map[string]float64{
			"workqueue_depth": 0, "workqueue_adds_total": 2, "workqueue_retries_total": 2,
			"workqueue_queue_duration_seconds": 3, "workqueue_work_duration_seconds": 3,
		}, values)

		none, err := controller.NewMetrics(nil)
		require.NoError(t, err)
		require.Nil(t, none)
	})
}

func ExampleController() {
	ctx, cancel := context.WithCancel(context.Background())
	greet := controller.ReconcilerFunc(func(_ context.Context, key controller.Key) (controller.Result, error) {
		fmt.Println("reconciling", key)
		cancel() // enough for an example
		return controller.Result{}, nil
	})
	ctl := controller.New("greeter", greet, controller.Options{Workers: 1})
	ctl.Enqueue(controller.Key{Namespace: "default", Name: "web"})
	ctl.Enqueue(controller.Key{Namespace: "default", Name: "web"}) // the same again is one
	fmt.Println("ended:", ctl.Run(ctx))
	// Output:
	// reconciling default/web
	// ended: <nil>
}
