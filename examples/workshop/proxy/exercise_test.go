package proxy_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	exercise "github.com/coracle-k8s/coracle/examples/workshop/proxy"
)

func service(name, ip string, ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: ip, ClusterIPs: []string{ip}, Ports: ports},
	}
}

func port(name string, number int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: number, Protocol: corev1.ProtocolTCP}
}

// slice has one port; an address with "!" before it is not ready.
func slice(name, service, port string, number int32, addresses ...string) *discoveryv1.EndpointSlice {
	tcp := corev1.ProtocolTCP
	s := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &port, Port: &number, Protocol: &tcp}},
	}
	for _, a := range addresses {
		ready := a[0] != '!'
		if !ready {
			a = a[1:]
		}
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}})
	}
	return s
}

func TestBuild(t *testing.T) {
	for _, test := range []struct {
		rule     string
		services []*corev1.Service
		slices   []*discoveryv1.EndpointSlice
		want     string
	}{
		{
			"a port leads to the ready endpoints",
			[]*corev1.Service{service("web", "10.96.0.1", port("http", 80))},
			[]*discoveryv1.EndpointSlice{slice("a", "web", "http", 8080, "10.0.0.2", "!10.0.0.3", "10.0.0.4")},
			"shop/web:http/tcp 10.96.0.1:80 -> 10.0.0.2:8080 10.0.0.4:8080\n",
		},
		{
			"the slices of a Service belong together",
			[]*corev1.Service{service("web", "10.96.0.1", port("http", 80))},
			[]*discoveryv1.EndpointSlice{slice("b", "web", "http", 8080, "10.0.0.3"), slice("a", "web", "http", 8080, "10.0.0.2")},
			"shop/web:http/tcp 10.96.0.1:80 -> 10.0.0.2:8080 10.0.0.3:8080\n",
		},
		{
			"each port has its own endpoints, and another Service's are not among them",
			[]*corev1.Service{service("web", "10.96.0.1", port("http", 80), port("admin", 81)), service("db", "10.96.0.2", port("", 5432))},
			[]*discoveryv1.EndpointSlice{
				slice("a", "web", "http", 8080, "10.0.0.2"), slice("b", "web", "admin", 9090, "10.0.0.2"), slice("c", "db", "", 5432, "10.0.0.9"),
			},
			"shop/db:/tcp 10.96.0.2:5432 -> 10.0.0.9:5432\n" +
				"shop/web:admin/tcp 10.96.0.1:81 -> 10.0.0.2:9090\n" +
				"shop/web:http/tcp 10.96.0.1:80 -> 10.0.0.2:8080\n",
		},
		{
			"without endpoints, connections are refused",
			[]*corev1.Service{service("web", "10.96.0.1", port("http", 80))}, nil,
			"shop/web:http/tcp 10.96.0.1:80 -> refuse\n",
		},
		{
			"a Service without an address has no rules",
			[]*corev1.Service{service("web", corev1.ClusterIPNone, port("http", 80))},
			[]*discoveryv1.EndpointSlice{slice("a", "web", "http", 8080, "10.0.0.2")},
			"",
		},
	} {
		t.Run(test.rule, func(t *testing.T) {
			require.Equal(t, test.want, exercise.Build(test.services, test.slices, "node-1").String())
			slices.Reverse(test.services)
			slices.Reverse(test.slices)
			require.Equal(t, test.want, exercise.Build(test.services, test.slices, "node-1").String(), "whatever the order of the objects")
		})
	}
}
