//lint:file-ignore SA1019 Endpoints are deprecated, and still read by many

package bootstrap

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/coracle-k8s/coracle/apiserver/typed"
)

const (
	serviceName = "kubernetes"
	servicePort = 443
	portName    = "https"
)

// kubernetesService makes the service and points it at this server.
func (b Bootstrap) kubernetesService(ctx context.Context) error {
	want := b.service()
	err := typed.Ensure(ctx, b.Objects, want, func(have *corev1.Service) error {
		if !equality.Semantic.DeepDerivative(want.Spec.Ports, have.Spec.Ports) || len(have.Spec.Ports) != 1 {
			have.Spec.Ports = want.Spec.Ports
		}
		have.Spec.Type = want.Spec.Type
		have.Spec.Selector = nil
		return nil
	})
	return errors.Join(
		wrap("service default/kubernetes", err),
		wrap("endpoints default/kubernetes", b.endpoints(ctx)),
		wrap("endpoint slice default/kubernetes", b.endpointSlice(ctx)))
}

func (b Bootstrap) service() *corev1.Service {
	ip, single := b.Services.First(), corev1.IPFamilyPolicySingleStack
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceDefault, Name: serviceName,
			Labels: map[string]string{"component": "apiserver", "provider": "kubernetes"},
		},
		Spec: corev1.ServiceSpec{
			Type:            corev1.ServiceTypeClusterIP,
			ClusterIP:       ip,
			ClusterIPs:      []string{ip},
			IPFamilies:      []corev1.IPFamily{corev1.IPv4Protocol},
			IPFamilyPolicy:  &single,
			SessionAffinity: corev1.ServiceAffinityNone,
			Ports: []corev1.ServicePort{{
				Name: portName, Protocol: corev1.ProtocolTCP, Port: servicePort, TargetPort: intstr.FromInt32(b.port()),
			}},
		},
	}
}

// port is the one the server listens on.
func (b Bootstrap) port() int32 {
	if b.Advertise.Port() == 0 {
		return servicePort
	}
	return int32(b.Advertise.Port())
}

// reachable reports whether there is an address that pods can use.
func (b Bootstrap) reachable() bool {
	addr := b.Advertise.Addr()
	return addr.IsValid() && !addr.IsLoopback() && !addr.IsUnspecified()
}

// endpoints writes the older form, which client libraries still read.
func (b Bootstrap) endpoints(ctx context.Context) error {
	want := &corev1.Endpoints{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceDefault, Name: serviceName,
			// We write the slice ourselves: nobody need mirror this one.
			Labels: map[string]string{discoveryv1.LabelSkipMirror: "true"},
		},
	}
	if b.reachable() {
		want.Subsets = []corev1.EndpointSubset{{
			Addresses: []corev1.EndpointAddress{{IP: b.Advertise.Addr().String()}},
			Ports:     []corev1.EndpointPort{{Name: portName, Port: b.port(), Protocol: corev1.ProtocolTCP}},
		}}
	}
	return typed.Ensure(ctx, b.Objects, want, func(have *corev1.Endpoints) error {
		have.Subsets = want.Subsets
		have.Labels = want.Labels
		return nil
	})
}

func (b Bootstrap) endpointSlice(ctx context.Context) error {
	ready, name, port, protocol := true, portName, b.port(), corev1.ProtocolTCP
	want := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceDefault, Name: serviceName,
			Labels: map[string]string{discoveryv1.LabelServiceName: serviceName},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port, Protocol: &protocol}},
	}
	if b.Advertise.Addr().Is6() {
		want.AddressType = discoveryv1.AddressTypeIPv6
	}
	if b.reachable() {
		want.Endpoints = []discoveryv1.Endpoint{{
			Addresses:  []string{b.Advertise.Addr().String()},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready},
		}}
	}
	return typed.Ensure(ctx, b.Objects, want, func(have *discoveryv1.EndpointSlice) error {
		have.Endpoints, have.Ports, have.Labels = want.Endpoints, want.Ports, want.Labels
		return nil
	})
}
