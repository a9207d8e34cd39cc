package bootstrap

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// cidrFinalizer keeps a range that services have addresses of.
const cidrFinalizer = "networking.k8s.io/service-cidr-finalizer"

// serviceCIDRs shows the server's own range, and says of all that they can be
// used. A range that is deleted stays until no service has an address of it
// alone.
func (b Bootstrap) serviceCIDRs(ctx context.Context) error {
	own := &networkingv1.ServiceCIDR{
		ObjectMeta: metav1.ObjectMeta{Name: serviceName},
		Spec:       networkingv1.ServiceCIDRSpec{CIDRs: []string{b.Services.Range().String()}},
	}
	setReady(own, metav1.ConditionTrue, "", "Kubernetes default Service CIDR is ready")
	if err := typed.Ensure(ctx, b.Objects, own, nil); err != nil {
		return wrap("service range kubernetes", err)
	}
	all, err := typed.List[*networkingv1.ServiceCIDR](ctx, b.Objects, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, cidr := range all {
		next := api.Clone(cidr)
		if b.settleCIDR(ctx, next, all) {
			_, err := typed.Modify(ctx, b.Objects, "", cidr.Name, func(have *networkingv1.ServiceCIDR) error {
				b.settleCIDR(ctx, have, all)
				return nil
			})
			errs = append(errs, wrap("service range "+cidr.Name, err))
		}
	}
	return errors.Join(errs...)
}

// settleCIDR changes what the server has to say about a range, in place, and
// says whether there was anything.
func (b Bootstrap) settleCIDR(ctx context.Context, cidr *networkingv1.ServiceCIDR, all []*networkingv1.ServiceCIDR) bool {
	at := slices.Index(cidr.Finalizers, cidrFinalizer)
	switch {
	case cidr.DeletionTimestamp == nil && at < 0:
		cidr.Finalizers = append(cidr.Finalizers, cidrFinalizer)
		setReady(cidr, metav1.ConditionTrue, "", "Kubernetes Service CIDR is ready")
		return true
	case cidr.DeletionTimestamp == nil:
		return setReady(cidr, metav1.ConditionTrue, "", "Kubernetes Service CIDR is ready")
	case at < 0:
		return false
	case b.inUse(ctx, cidr, all):
		return setReady(cidr, metav1.ConditionFalse, networkingv1.ServiceCIDRReasonTerminating,
			"There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR")
	default:
		cidr.Finalizers = slices.Delete(cidr.Finalizers, at, at+1)
		return true
	}
}

// setReady sets the one condition that a range has. The words of one that is
// ready already are not ours to change.
func setReady(cidr *networkingv1.ServiceCIDR, status metav1.ConditionStatus, reason, message string) bool {
	if apimeta.IsStatusConditionPresentAndEqual(cidr.Status.Conditions, networkingv1.ServiceCIDRConditionReady, status) {
		return false
	}
	return apimeta.SetStatusCondition(&cidr.Status.Conditions, metav1.Condition{
		Type: networkingv1.ServiceCIDRConditionReady, Status: status, Reason: reason, Message: message,
	})
}

// inUse says whether there is an address that is in the range and in no other
// that stays.
func (b Bootstrap) inUse(ctx context.Context, cidr *networkingv1.ServiceCIDR, all []*networkingv1.ServiceCIDR) bool {
	addresses, err := typed.List[*networkingv1.IPAddress](ctx, b.Objects, "")
	if err != nil {
		return true // not to be decided now
	}
	for _, a := range addresses {
		ip, err := netip.ParseAddr(a.Name)
		if err != nil || !contains(cidr, ip) {
			continue
		}
		elsewhere := slices.ContainsFunc(all, func(other *networkingv1.ServiceCIDR) bool {
			return other.Name != cidr.Name && other.DeletionTimestamp == nil && contains(other, ip)
		})
		if !elsewhere {
			return true
		}
	}
	return false
}

func contains(cidr *networkingv1.ServiceCIDR, ip netip.Addr) bool {
	return slices.ContainsFunc(cidr.Spec.CIDRs, func(text string) bool {
		prefix, err := netip.ParsePrefix(text)
		return err == nil && prefix.Contains(ip)
	})
}
