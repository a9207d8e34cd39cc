package proxy_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/internal/apitest"
	"github.com/coracle-k8s/coracle/network/proxy"
)

// recorder is a backend that remembers what it was told, and can be broken.
type recorder struct {
	mu     sync.Mutex // guards the fields below
	tables []string
	broken bool
}

func (r *recorder) Sync(_ context.Context, table proxy.Table) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		return errors.New("out of order")
	}
	r.tables = append(r.tables, table.String())
	return nil
}

func (r *recorder) setBroken(broken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = broken
}

func (r *recorder) last() (table string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tables) == 0 {
		return "none", 0
	}
	return r.tables[len(r.tables)-1], len(r.tables)
}

func webService() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec: corev1.ServiceSpec{
			ClusterIP: "10.96.0.10",
			Ports:     []corev1.ServicePort{{Protocol: corev1.ProtocolTCP, Port: 80}},
		},
	}
}

func webSlice(addresses ...string) *discoveryv1.EndpointSlice {
	name, protocol, port := "", corev1.ProtocolTCP, int32(8080)
	s := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "web-1", Labels: map[string]string{discoveryv1.LabelServiceName: "web"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Protocol: &protocol, Port: &port}},
	}
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}})
	}
	return s
}

func TestProxy_follows_the_API_server(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		backend := &recorder{}
		apitest.Run(t, proxy.New(proxy.Config{NodeName: "node", Client: c, Backend: backend}).Run)
		settle := func() string {
			time.Sleep(time.Second)
			table, _ := backend.last()
			return table
		}
		require.Empty(t, settle(), "with no Service there is an empty table")

		_, err := client.For[*corev1.Service](c).Create(t.Context(), webService())
		require.NoError(t, err)
		require.Equal(t, "default/web:/tcp 10.96.0.10:80 -> refuse\n", settle())

		slices := client.For[*discoveryv1.EndpointSlice](c)
		slice, err := slices.Create(t.Context(), webSlice("10.244.1.2"))
		require.NoError(t, err)
		require.Equal(t, "default/web:/tcp 10.96.0.10:80 -> 10.244.1.2:8080\n", settle())

		backend.setBroken(true)
		slice.Endpoints = webSlice("10.244.1.2", "10.244.2.2").Endpoints
		_, err = slices.Update(t.Context(), slice)
		require.NoError(t, err)
		settle()
		backend.setBroken(false)
		require.Equal(t, "default/web:/tcp 10.96.0.10:80 -> 10.244.1.2:8080 10.244.2.2:8080\n", settle(),
			"what failed is tried again with nothing else happening")

		require.NoError(t, client.For[*corev1.Service](c).Delete(t.Context(), "default", "web"))
		require.Empty(t, settle())
	})
}

func TestProxy_makes_one_table_of_a_burst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		backend := &recorder{}
		apitest.Run(t, proxy.New(proxy.Config{Client: c, Backend: backend, MinInterval: time.Minute}).Run)
		time.Sleep(2 * time.Minute)
		_, before := backend.last()
		_, err := client.For[*corev1.Service](c).Create(t.Context(), webService())
		require.NoError(t, err)
		slices := client.For[*discoveryv1.EndpointSlice](c)
		slice, err := slices.Create(t.Context(), webSlice("10.244.1.1"))
		require.NoError(t, err)
		for range 50 {
			slice.Endpoints = append(slice.Endpoints, slice.Endpoints[0])
			slice.Endpoints[len(slice.Endpoints)-1].Addresses = []string{"10.244.1.2"}
			slice, err = slices.Update(t.Context(), slice)
			require.NoError(t, err)
			slice.Endpoints = slice.Endpoints[:1]
			slice, err = slices.Update(t.Context(), slice)
			require.NoError(t, err)
		}
		time.Sleep(2 * time.Minute)
		table, after := backend.last()
		require.Equal(t, "default/web:/tcp 10.96.0.10:80 -> 10.244.1.1:8080\n", table)
		require.LessOrEqual(t, after-before, 2, "102 writes, one minute")
	})
}
