package dns_test

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/internal/apitest"
	coracledns "github.com/coracle-k8s/coracle/network/dns"
)

func TestCluster_knows_what_the_API_server_has(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		services := client.For[*corev1.Service](c)
		for _, svc := range []*corev1.Service{
			{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
				Spec:       corev1.ServiceSpec{ClusterIP: "10.96.0.10", Ports: []corev1.ServicePort{{Port: 80}}},
			},
			{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "db"},
				Spec:       corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Ports: []corev1.ServicePort{{Port: 5432}}},
			},
		} {
			_, err := services.Create(t.Context(), svc)
			require.NoError(t, err)
		}
		name, port := "", int32(5432)
		_, err := client.For[*discoveryv1.EndpointSlice](c).Create(t.Context(), &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "default", Name: "db-1", Labels: map[string]string{discoveryv1.LabelServiceName: "db"},
			},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
			Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.244.1.2"}}},
		})
		require.NoError(t, err)

		source := coracledns.NewCluster(c)
		apitest.Run(t, source.Run)
		require.NoError(t, source.WaitForSync(t.Context()))
		z := coracledns.Zone{Domain: coracledns.DefaultDomain, Source: source}
		require.Equal(t, []netip.Addr{netip.MustParseAddr("10.96.0.10")}, z.Lookup("web.default.svc.cluster.local"))
		require.Equal(t, []netip.Addr{netip.MustParseAddr("10.244.1.2")}, z.Lookup("db.default.svc.cluster.local"))
		for address, name := range map[string]string{
			"10.0.96.10.in-addr.arpa.": "web.default.svc.cluster.local.",
			"2.1.244.10.in-addr.arpa.": "10-244-1-2.db.default.svc.cluster.local.",
		} {
			a := z.Answer(dns.Question{Name: address, Qtype: dns.TypePTR, Qclass: dns.ClassINET})
			require.Len(t, a.Records, 1, address)
			require.Equal(t, name, a.Records[0].(*dns.PTR).Ptr)
		}

		require.NoError(t, services.Delete(t.Context(), "default", "web"))
		synctest.Wait()
		require.Empty(t, z.Lookup("web.default.svc.cluster.local"))
		require.Nil(t, source.ServiceAt(netip.MustParseAddr("10.96.0.10")))
	})
}
