package queue_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/examples/workshop/queue"
)

// start runs a queue until the test ends.
func start(t *testing.T, reconcile func(ctx context.Context, key string) error) queue.Queue {
	q := queue.New(4, reconcile)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return q
}

// settle lets everything happen that happens within d, and has happened then.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestQueue_manyAddsAreOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := make(chan string, 100)
		q := start(t, func(_ context.Context, key string) error {
			runs <- key
			time.Sleep(time.Second)
			return nil
		})
		for range 10 {
			q.Add("a")
		}
		synctest.Wait()
		require.LessOrEqual(t, len(runs), 1)
		settle(time.Minute)
		require.LessOrEqual(t, len(runs), 2, "once, and once more at most for what was added while it ran")
	})
}

func TestQueue_neverTwiceAtATimeAndNoChangeLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now, most, runs := 0, 0, 0
		turn := make(chan struct{}, 1) // guards the three
		count := func(by int) {
			turn <- struct{}{}
			if now += by; by > 0 {
				runs++
			}
			most = max(most, now)
			<-turn
		}
		q := start(t, func(context.Context, string) error {
			count(1)
			defer count(-1)
			time.Sleep(time.Second)
			return nil
		})
		q.Add("a")
		settle(time.Second / 2)
		q.Add("a") // while it runs
		q.Add("a")
		settle(time.Minute)
		require.Equal(t, 1, most, "a key ran twice at the same time")
		require.Equal(t, 2, runs, "what is added while a key runs makes it run once more")
	})
}

func TestQueue_keysDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan string, 2)
		q := start(t, func(ctx context.Context, key string) error {
			if key == "slow" {
				<-ctx.Done()
				return nil
			}
			done <- key
			return nil
		})
		q.Add("slow")
		q.Add("quick")
		synctest.Wait()
		require.Len(t, done, 1)
	})
}

func TestQueue_failuresComeAgainWithBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start0 := time.Now()
		var at []time.Duration
		q := start(t, func(context.Context, string) error {
			at = append(at, time.Since(start0))
			if len(at) == 5 {
				return nil // a success makes the failures forgotten
			}
			return errors.New("not yet")
		})
		q.Add("a")
		settle(time.Second)
		ms := time.Millisecond
		require.Equal(t, []time.Duration{0, 5 * ms, 15 * ms, 35 * ms, 75 * ms}, at)
		at, start0 = nil, time.Now()
		q.Add("a")
		settle(12 * ms)
		require.Equal(t, []time.Duration{0, 5 * ms}, at, "after a success the back-off begins anew")
	})
}

func TestQueue_addAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, ran := time.Now(), make(chan time.Duration, 1)
		q := start(t, func(context.Context, string) error {
			ran <- time.Since(begin)
			return nil
		})
		q.AddAfter("a", time.Hour)
		require.Equal(t, time.Hour, <-ran)
	})
}
