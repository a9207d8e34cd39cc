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
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

func TestOnce_ranges(t *testing.T) {
	ctx, objects := t.Context(), typedtest.New()
	b := newBootstrap(t, objects)
	require.NoError(t, b.Once(ctx))
	own, err := typed.Get[*networkingv1.ServiceCIDR](ctx, objects, "", "kubernetes")
	require.NoError(t, err)
	require.Equal(t, []string{"10.96.0.0/16"}, own.Spec.CIDRs)
	require.Equal(t, metav1.ConditionTrue, own.Status.Conditions[0].Status)
	ip, err := typed.Get[*networkingv1.IPAddress](ctx, objects, "", "10.96.0.1")
	require.NoError(t, err)
	require.Equal(t, &networkingv1.ParentReference{Resource: "services", Namespace: "default", Name: "kubernetes"}, ip.Spec.ParentRef)

	// A range of somebody else becomes ready, and stays while it is used.
	_, err = typed.Create(ctx, objects, &networkingv1.ServiceCIDR{
		ObjectMeta: metav1.ObjectMeta{Name: "more"}, Spec: networkingv1.ServiceCIDRSpec{CIDRs: []string{"10.97.0.0/24"}},
	})
	require.NoError(t, err)
	_, err = typed.Create(ctx, objects, &networkingv1.IPAddress{
		ObjectMeta: metav1.ObjectMeta{Name: "10.97.0.7"},
		Spec:       networkingv1.IPAddressSpec{ParentRef: &networkingv1.ParentReference{Group: "example.com", Resource: "gateways", Name: "g"}},
	})
	require.NoError(t, err)
	require.NoError(t, b.Once(ctx))
	more := func() *networkingv1.ServiceCIDR {
		more, err := typed.Get[*networkingv1.ServiceCIDR](ctx, objects, "", "more")
		require.NoError(t, err)
		return more
	}
	require.Equal(t, metav1.ConditionTrue, more().Status.Conditions[0].Status)
	require.Len(t, more().Finalizers, 1)
	_, err = typed.Modify(ctx, objects, "", "more", func(cidr *networkingv1.ServiceCIDR) error {
		cidr.DeletionTimestamp = &metav1.Time{Time: time.Now()}
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, b.Once(ctx))
	require.Equal(t, "Terminating", more().Status.Conditions[0].Reason)
	require.NoError(t, typed.Delete[*networkingv1.IPAddress](ctx, objects, "", "10.97.0.7"))
	require.NoError(t, b.Once(ctx))
	gone, err := typed.Get[*networkingv1.ServiceCIDR](ctx, objects, "", "more")
	if err == nil {
		require.Empty(t, gone.Finalizers)
	}
}

func TestOnce_whoIsServedFirst(t *testing.T) {
	ctx, objects := t.Context(), typedtest.New()
	b := newBootstrap(t, objects)
	require.NoError(t, b.Once(ctx))
	schemas, err := typed.List[*flowcontrolv1.FlowSchema](ctx, objects, "")
	require.NoError(t, err)
	require.Len(t, schemas, 11)
	levels, err := typed.List[*flowcontrolv1.PriorityLevelConfiguration](ctx, objects, "")
	require.NoError(t, err)
	require.Len(t, levels, 8)

	change := func(name string, change func(*flowcontrolv1.FlowSchema)) {
		_, err := typed.Modify(ctx, objects, "", name, func(s *flowcontrolv1.FlowSchema) error {
			change(s)
			s.Generation++
			return nil
		})
		require.NoError(t, err)
	}
	precedence := func(name string) (int32, string) {
		s, err := typed.Get[*flowcontrolv1.FlowSchema](ctx, objects, "", name)
		require.NoError(t, err)
		return s.Spec.MatchingPrecedence, s.Annotations[flowcontrolv1.AutoUpdateAnnotationKey]
	}
	// The mandatory one comes back whatever it says; a suggested one is changed
	// back while it says that the server may, and left alone once it does not.
	change("catch-all", func(s *flowcontrolv1.FlowSchema) {
		s.Spec.MatchingPrecedence, s.Annotations = 1, nil
	})
	change("probes", func(s *flowcontrolv1.FlowSchema) { s.Spec.MatchingPrecedence = 3 })
	change("service-accounts", func(s *flowcontrolv1.FlowSchema) {
		s.Spec.MatchingPrecedence, s.Annotations[flowcontrolv1.AutoUpdateAnnotationKey] = 8000, "false"
	})
	change("global-default", func(s *flowcontrolv1.FlowSchema) { s.Spec.MatchingPrecedence, s.Annotations = 9000, nil })
	require.NoError(t, typed.Delete[*flowcontrolv1.FlowSchema](ctx, objects, "", "kube-scheduler"))
	_, err = typed.Create(ctx, objects, &flowcontrolv1.FlowSchema{ObjectMeta: metav1.ObjectMeta{
		Name: "of-yesterday", Annotations: map[string]string{flowcontrolv1.AutoUpdateAnnotationKey: "true"},
	}})
	require.NoError(t, err)
	_, err = typed.Create(ctx, objects, &flowcontrolv1.FlowSchema{ObjectMeta: metav1.ObjectMeta{Name: "mine"}})
	require.NoError(t, err)
	require.NoError(t, b.Once(ctx))

	for name, want := range map[string]struct {
		precedence int32
		kept       string
	}{
		"catch-all":        {10000, "true"},
		"probes":           {2, "true"},
		"service-accounts": {8000, "false"},
		"global-default":   {9000, "false"},
		"kube-scheduler":   {800, "true"},
		"mine":             {0, ""},
	} {
		got, kept := precedence(name)
		require.Equal(t, want.precedence, got, name)
		require.Equal(t, want.kept, kept, name)
	}
	_, err = typed.Get[*flowcontrolv1.FlowSchema](ctx, objects, "", "of-yesterday")
	require.True(t, apierrors.IsNotFound(err))
}

func TestOnce_whomToBelieve(t *testing.T) {
	ctx, objects := t.Context(), typedtest.New()
	b := newBootstrap(t, objects)
	b.ClientCA, b.FrontProxy = []byte("users"), &bootstrap.FrontProxy{CA: []byte("proxies"), Names: []string{"front-proxy-client"}}
	b.Host, b.Instance = "vm", "1"
	require.NoError(t, b.Once(ctx))
	require.NoError(t, b.Once(ctx))
	config, err := typed.Get[*corev1.ConfigMap](ctx, objects, "kube-system", "extension-apiserver-authentication")
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"client-ca-file":                     "users",
		"requestheader-client-ca-file":       "proxies",
		"requestheader-allowed-names":        `["front-proxy-client"]`,
		"requestheader-username-headers":     `["X-Remote-User"]`,
		"requestheader-uid-headers":          `["X-Remote-Uid"]`,
		"requestheader-group-headers":        `["X-Remote-Group"]`,
		"requestheader-extra-headers-prefix": `["X-Remote-Extra-"]`,
	}, config.Data)

	lease, err := typed.Get[*coordinationv1.Lease](ctx, objects, "kube-system", "apiserver-wlv32tlttr4jl3gtroqexyxapa")
	require.NoError(t, err, "the name that kube-apiserver has on such a host")
	require.Equal(t, lease.Name+"_1", *lease.Spec.HolderIdentity)
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
