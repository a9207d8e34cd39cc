package cluster_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client/faulty"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/pki"
)

// While the API server cannot be reached, what runs goes on. Afterwards the parts
// catch up, and nobody was given up.
func TestCluster_survivesAnOutageOfTheAPI(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var api outage
		c := clustertest.New(t, clustertest.WithImage("web:v1", app("v1")), clustertest.WithImage("web:v2", app("v2")),
			clustertest.WithConfig(func(cfg *cluster.Config) { cfg.Wrap = api.wrap }))
		c.Apply(web("web:v1", 3))
		waitServing(c, 3)
		before := names(c)

		api.begin()
		stop := load(t, c, "http://web/", time.Second)
		setImage(t, c, "web:v2") // the test alone gets through
		time.Sleep(10 * time.Minute)
		require.Equal(t, before, names(c), "nobody acted")
		answers, failures := stop()
		require.Empty(t, failures)
		require.Len(t, answers, 3)

		api.end()
		c.WaitWithin(3*time.Minute, "the rollout", func() bool { return rolledOut(c, "web") })
		c.WaitFor("the new version to answer", func() bool {
			answer, err := c.Get(t.Context(), "http://web/")
			return err == nil && strings.HasPrefix(answer, "v2 ")
		})
		require.Empty(t, clustertest.Get[*corev1.Node](c, "", "node-1").Spec.Taints)
	})
}

// An outage cuts the ways to the API server of everybody but the administrator.
type outage struct {
	mu   sync.Mutex // guards the fields below
	down bool
	cut  []context.CancelFunc // the requests under way
}

func (o *outage) wrap(user string, next http.RoundTripper) http.RoundTripper {
	if user == pki.UserAdmin {
		return next
	}
	return transport(func(req *http.Request) (*http.Response, error) {
		ctx, cancel := context.WithCancel(req.Context())
		o.mu.Lock()
		down := o.down
		o.cut = append(o.cut, cancel)
		o.mu.Unlock()
		if down {
			cancel()
			return nil, errors.New("connection refused")
		}
		return next.RoundTrip(req.WithContext(ctx))
	})
}

func (o *outage) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = true
	for _, cancel := range o.cut {
		cancel()
	}
	o.cut = nil
}

func (o *outage) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = false
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := f(req)
	if err != nil && req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	return resp, err
}

// A network that fails, loses answers and breaks off now and then makes
// everything later, and nothing wrong.
func TestCluster_worksOverABadNetwork(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var seed atomic.Uint64
		c := clustertest.New(t, clustertest.WithImage("web:v1", app("v1")), clustertest.WithImage("web:v2", app("v2")),
			clustertest.WithConfig(func(cfg *cluster.Config) {
				cfg.Wrap = func(user string, next http.RoundTripper) http.RoundTripper {
					if user == pki.UserAdmin {
						return next
					}
					return faulty.New(next, faulty.Options{
						Seed: seed.Add(1), Fail: 0.05, Lose: 0.05, Drop: 0.05, TooMany: 0.02, Broken: 0.02, Delay: 50 * time.Millisecond,
					})
				}
			}))
		c.Apply(web("web:v1", 3))
		c.WaitWithin(10*time.Minute, "the rollout", func() bool { return rolledOut(c, "web") })
		setImage(t, c, "web:v2")
		c.WaitWithin(10*time.Minute, "the second rollout", func() bool { return rolledOut(c, "web") })
		c.WaitWithin(5*time.Minute, "old pods to go", func() bool {
			return len(clustertest.List[*corev1.Pod](c, "default", "app=web")) == 3
		})
		for _, p := range podsOf(c, "web") {
			require.Equal(t, "web:v2", p.Spec.Containers[0].Image, c.Dump())
		}
	})
}
