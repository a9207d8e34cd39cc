//lint:file-ignore SA1019 Endpoints are deprecated, and still read by many

package bootstrap_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/admission/bootstrap"
	"github.com/coracle-k8s/coracle/apiserver/typed"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

func newBootstrap(t testing.TB, objects apiserver.Objects) bootstrap.Bootstrap {
	t.Helper()
	services, err := admission.NewServiceIPs(objects, admission.ServiceRange{})
	require.NoError(t, err)
	return bootstrap.Bootstrap{Objects: objects, Services: services, Advertise: netip.MustParseAddrPort("192.168.0.9:6443")}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		objects := typedtest.New()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- newBootstrap(t, objects).Run(ctx) }()
		synctest.Wait()

		for _, name := range []string{"default", "kube-system", "kube-public", "kube-node-lease"} {
			ns, err := typed.Get[*corev1.Namespace](ctx, objects, "", name)
			require.NoError(t, err)
			require.Equal(t, corev1.NamespaceActive, ns.Status.Phase)
		}
		critical, err := typed.Get[*schedulingv1.PriorityClass](ctx, objects, "", "system-node-critical")
		require.NoError(t, err)
		require.Equal(t, int32(2000001000), critical.Value)
		_, err = typed.Get[*rbacv1.ClusterRole](ctx, objects, "", "cluster-admin")
		require.NoError(t, err)
		service, err := typed.Get[*corev1.Service](ctx, objects, "default", "kubernetes")
		require.NoError(t, err)
		require.Equal(t, "10.96.0.1", service.Spec.ClusterIP)
		require.Equal(t, int32(443), service.Spec.Ports[0].Port)
		require.Equal(t, 6443, service.Spec.Ports[0].TargetPort.IntValue())
		pointsAtUs(t, objects)

		// Whatever others do to it, it comes back.
		_, err = typed.Modify(ctx, objects, "default", "kubernetes", func(e *discoveryv1.EndpointSlice) error {
			e.Endpoints = nil
			return nil
		})
		require.NoError(t, err)
		require.NoError(t, typed.Delete[*corev1.Endpoints](ctx, objects, "default", "kubernetes"))
		time.Sleep(2 * time.Minute)
		pointsAtUs(t, objects)

		cancel()
		require.NoError(t, <-done)
	})
}

func pointsAtUs(t *testing.T, objects apiserver.Objects) {
	t.Helper()
	slice, err := typed.Get[*discoveryv1.EndpointSlice](t.Context(), objects, "default", "kubernetes")
	require.NoError(t, err)
	require.Equal(t, "kubernetes", slice.Labels[discoveryv1.LabelServiceName])
	require.Equal(t, []string{"192.168.0.9"}, slice.Endpoints[0].Addresses)
	require.Equal(t, int32(6443), *slice.Ports[0].Port)
	endpoints, err := typed.Get[*corev1.Endpoints](t.Context(), objects, "default", "kubernetes")
	require.NoError(t, err)
	require.Equal(t, "192.168.0.9", endpoints.Subsets[0].Addresses[0].IP)
}

// TestOnce_isValid holds what is written past all checks to the rules of its kind.
func TestOnce_isValid(t *testing.T) {
	objects := typedtest.New()
	require.NoError(t, newBootstrap(t, objects).Once(t.Context()))
	n := 0
	for _, r := range kinds.Registry().All() {
		if r.Virtual {
			continue
		}
		list, err := objects.List(t.Context(), r, "")
		require.NoError(t, err)
		for _, obj := range list {
			obj = api.Clone(obj)
			if r.Default != nil {
				r.Default(obj)
			}
			if r.Validate != nil {
				require.Empty(t, r.Validate(obj), "%s %s", r.Kind, obj.GetName())
			}
			n++
		}
	}
	require.Greater(t, n, 50)
}

func TestOnce_loopbackIsNoEndpoint(t *testing.T) {
	objects := typedtest.New()
	b := newBootstrap(t, objects)
	b.Advertise = netip.MustParseAddrPort("127.0.0.1:6443")
	require.NoError(t, b.Once(t.Context()))
	slice, err := typed.Get[*discoveryv1.EndpointSlice](t.Context(), objects, "default", "kubernetes")
	require.NoError(t, err)
	require.Empty(t, slice.Endpoints)
}

func Example() {
	ctx, objects := context.Background(), typedtest.New()
	services, err := admission.NewServiceIPs(objects, admission.ServiceRange{})
	if err != nil {
		panic(err)
	}
	err = bootstrap.Bootstrap{
		Objects: objects, Services: services, Advertise: netip.MustParseAddrPort("192.168.0.9:6443"),
	}.Once(ctx)
	fmt.Println(err)
	endpoints, err := typed.Get[*corev1.Endpoints](ctx, objects, "default", "kubernetes")
	fmt.Println(endpoints.Subsets[0].Addresses[0].IP, endpoints.Subsets[0].Ports[0].Port, err)
	// Output:
	// <nil>
	// 192.168.0.9 6443 <nil>
}
