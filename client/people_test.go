package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/client/faulty"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

func TestRecorder_CountsWhatRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		r := client.NewRecorder(c, "tester", "here")
		apitest.Run(t, r.Run)
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "u"}}
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}
		for range 3 {
			r.Eventf(pod, corev1.EventTypeWarning, "Failed", "no %s", "luck")
			time.Sleep(time.Minute)
		}
		r.Eventf(pod, corev1.EventTypeWarning, "Failed", "other text")
		r.Eventf(pod, corev1.EventTypeNormal, "Same", "instant")
		r.Eventf(node, corev1.EventTypeNormal, "Fine", "yes")
		time.Sleep(time.Second)
		synctest.Wait()

		list, err := client.For[*corev1.Event](c).List(t.Context(), "default", client.ListOptions{})
		require.NoError(t, err)
		var told []string
		for _, e := range list.Items {
			told = append(told, fmt.Sprintf("%s %s %s: %s (x%d over %s, from %s)", e.InvolvedObject.Kind, e.Type, e.Reason, e.Message,
				e.Count, e.LastTimestamp.Sub(e.FirstTimestamp.Time), e.Source.Component))
		}
		require.ElementsMatch(t, []string{
			"Pod Warning Failed: no luck (x3 over 2m0s, from tester)",
			"Pod Warning Failed: other text (x1 over 0s, from tester)",
			"Pod Normal Same: instant (x1 over 0s, from tester)",
			"Node Normal Fine: yes (x1 over 0s, from tester)",
		}, told)
		require.Zero(t, r.Dropped())
	})
}

func TestRecorder_NeverBlocks(t *testing.T) {
	c, err := client.New(client.Config{BaseURL: "http://nowhere"})
	require.NoError(t, err)
	r := client.NewRecorder(c, "tester", "")
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}}
	for range 2000 { // nobody writes
		r.Eventf(pod, corev1.EventTypeNormal, "Fine", "yes")
	}
	require.Positive(t, r.Dropped())
	(*client.Recorder)(nil).Eventf(pod, corev1.EventTypeNormal, "Fine", "no recorder, no event")
}

func TestLead_HandsOverAndSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := apitest.Start(t)
		var down atomic.Bool
		cut := func(next http.RoundTripper) http.RoundTripper {
			return faulty.Func(func() error {
				if down.Load() {
					return errors.New("cable pulled")
				}
				return nil
			}, next)
		}
		start := time.Now()
		var mu sync.Mutex // guards story
		var story []string
		tell := func(line string) {
			mu.Lock()
			defer mu.Unlock()
			story = append(story, line)
		}
		told := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(story)
		}
		candidate := func(name string, c *client.Client) chan error {
			ended := make(chan error, 1)
			go func() {
				ended <- client.Lead(t.Context(), c, client.LeadOptions{Namespace: "kube-system", Name: "l", Identity: name}, func(ctx context.Context) error {
					tell(name + " leads")
					<-ctx.Done()
					tell(name + " stops")
					return ctx.Err()
				})
			}()
			return ended
		}
		one := candidate("one", server.Client(t, cut))
		time.Sleep(time.Second)
		two := candidate("two", server.Client(t))
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, []string{"one leads"}, told())

		down.Store(true)
		require.ErrorIs(t, <-one, client.ErrLostLead)
		lost := time.Since(start)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"one leads", "one stops", "two leads"}, told(), "nobody leads at the same time")
		require.Less(t, lost, time.Hour+15*time.Second)

		lease, err := client.For[*coordinationv1.Lease](server.Client(t)).Get(t.Context(), "kube-system", "l")
		require.NoError(t, err)
		require.Equal(t, "two", *lease.Spec.HolderIdentity)
		require.EqualValues(t, 1, *lease.Spec.LeaseTransitions)

		t.Log("somebody takes the Lease away")
		_, err = client.For[*coordinationv1.Lease](server.Client(t)).Modify(t.Context(), "kube-system", "l", func(l *coordinationv1.Lease) error {
			other := "three"
			l.Spec.HolderIdentity = &other
			return nil
		})
		require.NoError(t, err)
		require.ErrorIs(t, <-two, client.ErrLostLead)
	})
}

func TestLead_RefusesBadOptions(t *testing.T) {
	c, err := client.New(client.Config{BaseURL: "http://nowhere"})
	require.NoError(t, err)
	for _, opts := range []client.LeadOptions{
		{},
		{Namespace: "n", Name: "l", Identity: "i", LeaseDuration: 5 * time.Second},
		{Namespace: "n", Name: "l", Identity: "i", LeaseDuration: 500 * time.Millisecond, RenewDeadline: 300 * time.Millisecond, RetryPeriod: time.Millisecond},
	} {
		require.ErrorContains(t, client.Lead(t.Context(), c, opts, nil), "lead: ")
	}
}
