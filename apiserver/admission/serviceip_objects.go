package admission

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// An addressBook shows who has which address, as IPAddress objects, for people
// and programs to read: one for each claim (claims.go), which stays the one to
// decide. What others write into it counts, too: an address that is someone
// else's there is not given out.
//
//	claim 10.96.0.7 ──> IPAddress 10.96.0.7, parentRef services shop/web
//
// In Kubernetes the objects themselves are the claims, so one whose request
// failed halfway stays until a controller finds it.
type addressBook struct{ objects apiserver.Objects }

// managedBy is what Kubernetes calls the allocator.
const managedBy = "ipallocator.k8s.io"

func parentOf(service *corev1.Service) *networkingv1.ParentReference {
	return &networkingv1.ParentReference{Resource: "services", Namespace: service.Namespace, Name: service.Name}
}

// enter writes that the service has the address, or returns errTaken.
func (b addressBook) enter(ctx context.Context, ip string, service *corev1.Service) error {
	want := &networkingv1.IPAddress{
		ObjectMeta: metav1.ObjectMeta{Name: ip, Labels: map[string]string{
			networkingv1.LabelIPAddressFamily: string(corev1.IPv4Protocol), networkingv1.LabelManagedBy: managedBy,
		}},
		Spec: networkingv1.IPAddressSpec{ParentRef: parentOf(service)},
	}
	if have, err := typed.Get[*networkingv1.IPAddress](ctx, b.objects, "", ip); err == nil && isOf(have, service) {
		return nil
	}
	return typed.Ensure(ctx, b.objects, want, func(have *networkingv1.IPAddress) error {
		if !isOf(have, service) && !managed(have) {
			return errTaken
		}
		// The claim says that who had it has it no longer.
		have.Labels, have.Spec = want.Labels, want.Spec
		return nil
	})
}

// strike removes the entry of an address that the service gives up.
func (b addressBook) strike(ctx context.Context, ip string, service *corev1.Service) error {
	have, err := typed.Get[*networkingv1.IPAddress](ctx, b.objects, "", ip)
	if err == nil && managed(have) && isOf(have, service) {
		err = typed.Delete[*networkingv1.IPAddress](ctx, b.objects, "", ip)
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// others says whether somebody else has the address by the book alone.
func (b addressBook) others(ctx context.Context, ip string) (bool, error) {
	have, err := typed.Get[*networkingv1.IPAddress](ctx, b.objects, "", ip)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil && !managed(have), err
}

func managed(a *networkingv1.IPAddress) bool {
	return a.Labels[networkingv1.LabelManagedBy] == managedBy
}

func isOf(a *networkingv1.IPAddress, service *corev1.Service) bool {
	return equality.Semantic.DeepEqual(a.Spec.ParentRef, parentOf(service))
}

// repair brings the book in line with the services, and with the claims of
// requests that are under way.
func (b addressBook) repair(ctx context.Context, services []*corev1.Service, holders map[string]string) error {
	var errs []error
	for _, service := range services {
		for _, ip := range addressesOf(service) {
			if err := b.enter(ctx, ip, service); err != nil {
				errs = append(errs, fmt.Errorf("address %s of service %s/%s: %w", ip, service.Namespace, service.Name, err))
			}
		}
	}
	entries, err := typed.List[*networkingv1.IPAddress](ctx, b.objects, "")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if managed(entry) && holders[entry.Name] == "" {
			if err := typed.Delete[*networkingv1.IPAddress](ctx, b.objects, "", entry.Name); !apierrors.IsNotFound(err) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// spans returns the ranges that addresses come from: the server's own, then
// those of ServiceCIDR objects that are not about to go.
func (s *ServiceIPs) spans(ctx context.Context) ([]addressRange, error) {
	all := []addressRange{{s.ranges.Addresses, s.addresses}}
	objects, err := typed.List[*networkingv1.ServiceCIDR](ctx, s.objects, "")
	for _, object := range objects {
		if object.DeletionTimestamp != nil {
			continue
		}
		for _, text := range object.Spec.CIDRs {
			if prefix, err := netip.ParsePrefix(text); err == nil && usable(prefix) == nil && prefix.Masked() != s.ranges.Addresses {
				all = append(all, addressRange{prefix.Masked(), addresses(prefix)})
			}
		}
	}
	return all, err
}

// An addressRange is a prefix and its addresses.
type addressRange struct {
	prefix netip.Prefix
	span   span
}

// contains reports whether the address is one that services can have.
func (r addressRange) contains(addr netip.Addr) bool {
	last := r.span.name(r.span.size) // one behind: the broadcast address
	return r.prefix.Contains(addr) && addr != r.prefix.Addr() && addr.String() != last
}

// usable says what is wrong with a range, if anything.
func usable(prefix netip.Prefix) error {
	switch bits := prefix.Bits(); {
	case !prefix.Addr().Is4():
		return fmt.Errorf("service range %s: only IPv4 is supported", prefix)
	case bits < 8 || bits > 30:
		return fmt.Errorf("service range %s: must be between a /8 and a /30", prefix)
	default:
		return nil
	}
}
