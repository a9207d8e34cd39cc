package cluster

import (
	"context"
	"errors"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller/volume"
)

// addons makes the objects that a usable cluster has beside those the API
// server itself needs: storage classes, and the Service that names are asked of.
// Whoever deletes or changes them has their way until the next start.
func (c *Cluster) addons(ctx context.Context) error {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return nil
	}
	admin := c.Admin()
	for {
		err := errors.Join(
			create(ctx, admin, storageClass("standard", volume.Local, storagev1.VolumeBindingWaitForFirstConsumer, true)),
			create(ctx, admin, storageClass("shared", volume.Shared, storagev1.VolumeBindingImmediate, false)),
			create(ctx, admin, c.dnsService()),
		)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		c.cfg.Logger.Warn("make the cluster's first objects", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}

// create creates an object unless it is there. It looks first: a Service that is
// there holds its address, and creating it again would fail over that.
func create[T api.Object](ctx context.Context, c *client.Client, obj T) error {
	kind := client.For[T](c)
	_, err := kind.Get(ctx, obj.GetNamespace(), obj.GetName())
	if !apierrors.IsNotFound(err) {
		return err
	}
	if _, err = kind.Create(ctx, obj); apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func storageClass(name, provisioner string, mode storagev1.VolumeBindingMode, byDefault bool) *storagev1.StorageClass {
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisioner, VolumeBindingMode: &mode,
	}
	if byDefault {
		class.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	}
	return class
}

// dnsService is the Service that pods ask for names. It has no selector: who
// answers is written into its EndpointSlice by [setDNSEndpoint].
func (c *Cluster) dnsService() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceSystem, Name: dnsName,
			Labels: map[string]string{"k8s-app": dnsName, "kubernetes.io/name": "CoreDNS"},
		},
		Spec: corev1.ServiceSpec{
			ClusterIP: c.cfg.dnsIP().String(),
			Ports: []corev1.ServicePort{
				{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53},
				{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53},
			},
		},
	}
}

const dnsName = "kube-dns"

// announceDNS writes where names are answered, once the API is there.
func (c *Cluster) announceDNS(ctx context.Context, addr netip.AddrPort) error {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return nil
	}
	for {
		err := setDNSEndpoint(ctx, c.Admin(), addr)
		if err == nil {
			return nil
		}
		c.cfg.Logger.Warn("announce the cluster's DNS", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}

// setDNSEndpoint says that the names are answered at addr. The address must be
// one that pods reach.
func setDNSEndpoint(ctx context.Context, c *client.Client, addr netip.AddrPort) error {
	number := int32(addr.Port())
	port := func(name string, protocol corev1.Protocol) discoveryv1.EndpointPort {
		return discoveryv1.EndpointPort{Name: &name, Protocol: &protocol, Port: &number}
	}
	want := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceSystem, Name: dnsName,
			Labels: map[string]string{discoveryv1.LabelServiceName: dnsName},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{port("dns", corev1.ProtocolUDP), port("dns-tcp", corev1.ProtocolTCP)},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{addr.Addr().String()}}},
	}
	if err := create(ctx, c, want); err != nil {
		return err
	}
	_, err := client.For[*discoveryv1.EndpointSlice](c).Modify(ctx, want.Namespace, want.Name, func(s *discoveryv1.EndpointSlice) error {
		s.Ports, s.Endpoints = want.Ports, want.Endpoints
		return nil
	})
	return err
}
