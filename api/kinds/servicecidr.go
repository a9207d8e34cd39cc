package kinds

import (
	"net/netip"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// serviceCIDRs are the ranges that services get their addresses from, and
// ipAddresses those that are taken.
func serviceCIDRs() *api.Resource {
	type cidr = *networkingv1.ServiceCIDR
	return &api.Resource{
		GroupVersionKind: networkingv1.SchemeGroupVersion.WithKind("ServiceCIDR"),
		Plural:           "servicecidrs",
		Singular:         "servicecidr",
		New:              func() api.Object { return &networkingv1.ServiceCIDR{} },
		NewList:          func() runtime.Object { return &networkingv1.ServiceCIDRList{} },
		ValidateCreate:   rule(checkServiceCIDR),
		ValidateUpdate:   pairRule(checkServiceCIDRUpdate),
		CopyStatus:       api.Pair(func(dst, src cidr) { dst.Status = src.Status }),
		StatusAlone:      true,
		Columns: table(
			text("CIDRs", networkingv1.ServiceCIDRSpec{}.SwaggerDoc()["cidrs"], func(c cidr) string { return strings.Join(c.Spec.CIDRs, ",") }),
			api.AgeColumn(),
		),
	}
}

func checkServiceCIDR(j *judge, c *networkingv1.ServiceCIDR) {
	cidrs, path := c.Spec.CIDRs, field.NewPath("spec", "cidrs")
	if len(cidrs) == 0 {
		j.required(path, "at least one CIDR required")
		return
	}
	if len(cidrs) > 2 {
		j.invalid(path, c.Spec, "may only hold up to 2 values")
		return
	}
	for i, one := range cidrs {
		j.add(validation.IsValidCIDR(path.Index(i), one))
	}
	if len(cidrs) == 2 {
		a, errA := netip.ParsePrefix(cidrs[0])
		b, errB := netip.ParsePrefix(cidrs[1])
		if errA == nil && errB == nil && a.Addr().Is4() == b.Addr().Is4() {
			j.invalid(path, cidrs, "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64")
		}
	}
}

// checkServiceCIDRUpdate: a range stays, but one of the other family may join it.
func checkServiceCIDRUpdate(j *judge, c, old *networkingv1.ServiceCIDR) {
	path := field.NewPath("spec", "cidrs")
	now, was := c.Spec.CIDRs, old.Spec.CIDRs
	switch {
	case len(now) == len(was):
		for i := range was {
			if now[i] != was[i] {
				j.invalid(path.Index(i), now[i], apivalidation.FieldImmutableErrorMsg)
			}
		}
	case len(was) == 1 && len(now) == 2:
		if now[0] != was[0] {
			j.invalid(path.Index(0), now[0], apivalidation.FieldImmutableErrorMsg)
		}
		checkServiceCIDR(j, c)
	default:
		j.invalid(path, now, apivalidation.FieldImmutableErrorMsg)
	}
}

func ipAddresses() *api.Resource {
	type address = *networkingv1.IPAddress
	return &api.Resource{
		GroupVersionKind: networkingv1.SchemeGroupVersion.WithKind("IPAddress"),
		Plural:           "ipaddresses",
		Singular:         "ipaddress",
		ShortNames:       []string{"ip"},
		New:              func() api.Object { return &networkingv1.IPAddress{} },
		NewList:          func() runtime.Object { return &networkingv1.IPAddressList{} },
		ValidateName:     ipAddressName,
		Validate: rule(func(j *judge, a address) {
			checkParent(j, a.Spec.ParentRef, field.NewPath("spec", "parentRef"))
		}),
		ValidateUpdate: pairRule(func(j *judge, a, old address) {
			j.unchangedLater(field.NewPath("spec", "parentRef"), a.Spec.ParentRef, old.Spec.ParentRef)
		}),
		Columns: table(
			text("ParentRef", networkingv1.IPAddressSpec{}.SwaggerDoc()["parentRef"], func(a address) string { return parentText(a.Spec.ParentRef) }),
		),
	}
}

// ipAddressName: the object of an address is called by the address, in the one
// way to write it.
func ipAddressName(name string, _ bool) []string {
	var messages []string
	for _, err := range validation.IsValidIP(field.NewPath("name"), name) {
		messages = append(messages, err.Detail)
	}
	return messages
}

func checkParent(j *judge, p *networkingv1.ParentReference, path *field.Path) {
	if p == nil {
		j.required(path, "")
		return
	}
	if p.Group != "" {
		j.subdomain(path.Child("group"), p.Group)
	}
	if j.filledLater(path.Child("resource"), p.Resource) {
		j.invalid(path.Child("resource"), p.Resource, pathSegment(p.Resource, false)...)
	}
	if j.filledLater(path.Child("name"), p.Name) {
		j.invalid(path.Child("name"), p.Name, pathSegment(p.Name, false)...)
	}
	if p.Namespace != "" {
		j.invalid(path.Child("namespace"), p.Namespace, pathSegment(p.Namespace, false)...)
	}
}

func parentText(p *networkingv1.ParentReference) string {
	if p == nil {
		return none
	}
	gr := schema.GroupResource{Group: p.Group, Resource: p.Resource}
	return strings.ToLower(gr.String()) + "/" + api.Key(p.Namespace, p.Name)
}
