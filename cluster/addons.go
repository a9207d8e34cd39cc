package cluster

import (
	"context"
	"errors"
	"log/slog"
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
	firstObjects(ctx, c.Admin(), c.cfg)
	return nil
}

// firstObjects makes what is missing, and tries until all is there or ctx ends.
func firstObjects(ctx context.Context, admin *client.Client, cfg Config) {
	for {
		err := errors.Join(
			create(ctx, admin, storageClass("standard", volume.Local, storagev1.VolumeBindingWaitForFirstConsumer, true)),
			create(ctx, admin, storageClass("shared", volume.Shared, storagev1.VolumeBindingImmediate, false)),
			create(ctx, admin, dnsService(cfg)),
			create(ctx, admin, dnsSlice()),
		)
		if err == nil || ctx.Err() != nil {
			return
		}
		cfg.Logger.Warn("make the cluster's first objects", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
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
func dnsService(cfg Config) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceSystem, Name: dnsName,
			Labels: map[string]string{"k8s-app": dnsName, "kubernetes.io/name": "CoreDNS"},
		},
		Spec: corev1.ServiceSpec{
			ClusterIP: cfg.dnsIP().String(),
			Ports: []corev1.ServicePort{
				{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53},
				{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53},
			},
		},
	}
}

const dnsName = "kube-dns"

// announceDNS writes where names are answered, and tries until that is done or ctx
// ends.
func announceDNS(ctx context.Context, c *client.Client, addr netip.AddrPort, log *slog.Logger) {
	for {
		err := setDNSEndpoint(ctx, c, addr)
		if err == nil || ctx.Err() != nil {
			return
		}
		if !apierrors.IsNotFound(err) { // Otherwise its slice is about to be made.
			log.Warn("announce the cluster's DNS", "error", err)
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// dnsSlice is where the DNS service's answers come from: nowhere yet.
func dnsSlice() *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceSystem, Name: dnsName,
			Labels: map[string]string{discoveryv1.LabelServiceName: dnsName},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
}

// setDNSEndpoint says that the names are answered at addr, in the slice that
// firstObjects made. The address must be one that pods reach.
func setDNSEndpoint(ctx context.Context, c *client.Client, addr netip.AddrPort) error {
	number := int32(addr.Port())
	port := func(name string, protocol corev1.Protocol) discoveryv1.EndpointPort {
		return discoveryv1.EndpointPort{Name: &name, Protocol: &protocol, Port: &number}
	}
	_, err := client.For[*discoveryv1.EndpointSlice](c).Modify(ctx, metav1.NamespaceSystem, dnsName, func(s *discoveryv1.EndpointSlice) error {
		s.Ports = []discoveryv1.EndpointPort{port("dns", corev1.ProtocolUDP), port("dns-tcp", corev1.ProtocolTCP)}
		s.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{addr.Addr().String()}}}
		return nil
	})
	return err
}
