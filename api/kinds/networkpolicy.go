package kinds

import (
	"net"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// networkPolicies say which pods may talk to which. The server keeps them; it
// is for the network of the nodes to heed them.
func networkPolicies() *api.Resource {
	type policy = *networkingv1.NetworkPolicy
	return &api.Resource{
		GroupVersionKind: networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"),
		Plural:           "networkpolicies",
		Singular:         "networkpolicy",
		ShortNames:       []string{"netpol"},
		Namespaced:       true,
		New:              func() api.Object { return &networkingv1.NetworkPolicy{} },
		NewList:          func() runtime.Object { return &networkingv1.NetworkPolicyList{} },
		Default:          api.Do(defaultNetworkPolicy),
		ValidateCreate:   rule(func(j *judge, p policy) { checkNetworkPolicy(j, p, nil) }),
		ValidateUpdate:   pairRule(func(j *judge, p, old policy) { checkNetworkPolicy(j, p, ipBlocks(old)) }),
		Generation:       true,
		Columns: table(
			text("Pod-Selector", networkingv1.NetworkPolicySpec{}.SwaggerDoc()["podSelector"], func(p policy) string {
				return metav1.FormatLabelSelector(&p.Spec.PodSelector)
			}),
			api.AgeColumn(),
		),
	}
}

func defaultNetworkPolicy(p *networkingv1.NetworkPolicy) {
	for i := range p.Spec.Ingress {
		defaultPolicyPorts(p.Spec.Ingress[i].Ports)
	}
	for i := range p.Spec.Egress {
		defaultPolicyPorts(p.Spec.Egress[i].Ports)
	}
	if len(p.Spec.PolicyTypes) == 0 {
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		if len(p.Spec.Egress) > 0 {
			p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		}
	}
}

func defaultPolicyPorts(ports []networkingv1.NetworkPolicyPort) {
	for i := range ports {
		setDefaultPtr(&ports[i].Protocol, corev1.ProtocolTCP)
	}
}

// ipBlocks returns all ranges in a policy: what was once let in stays, wherever
// in the policy it moves.
func ipBlocks(p *networkingv1.NetworkPolicy) []string {
	var all []string
	add := func(peers []networkingv1.NetworkPolicyPeer) {
		for _, peer := range peers {
			if peer.IPBlock != nil {
				all = append(append(all, peer.IPBlock.CIDR), peer.IPBlock.Except...)
			}
		}
	}
	for _, r := range p.Spec.Ingress {
		add(r.From)
	}
	for _, r := range p.Spec.Egress {
		add(r.To)
	}
	return all
}

func checkNetworkPolicy(j *judge, p *networkingv1.NetworkPolicy, before []string) {
	spec, path := &p.Spec, field.NewPath("spec")
	checkSelector(j, &spec.PodSelector, path.Child("podSelector"))
	for i, r := range spec.Ingress {
		at := path.Child("ingress").Index(i)
		checkPolicyPorts(j, r.Ports, at.Child("ports"))
		checkPolicyPeers(j, r.From, before, at.Child("from"))
	}
	for i, r := range spec.Egress {
		at := path.Child("egress").Index(i)
		checkPolicyPorts(j, r.Ports, at.Child("ports"))
		checkPolicyPeers(j, r.To, before, at.Child("to"))
	}
	types := path.Child("policyTypes")
	if len(spec.PolicyTypes) > 2 {
		j.invalid(types, &spec.PolicyTypes, "may not specify more than two policyTypes")
		return
	}
	for i, t := range spec.PolicyTypes {
		supported(j, types.Index(i), t, networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress)
	}
}

func checkPolicyPorts(j *judge, ports []networkingv1.NetworkPolicyPort, path *field.Path) {
	for i, p := range ports {
		at := path.Index(i)
		if p.Protocol != nil {
			supported(j, at.Child("protocol"), *p.Protocol, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)
		}
		end := at.Child("endPort")
		switch {
		case p.Port == nil:
			if p.EndPort != nil {
				j.invalid(end, *p.EndPort, "may not be specified when `port` is not specified")
			}
		case p.Port.Type == intstr.Int:
			j.port(at.Child("port"), p.Port.IntVal)
			if p.EndPort != nil {
				if *p.EndPort < p.Port.IntVal {
					j.invalid(end, *p.EndPort, "must be greater than or equal to `port`")
				}
				j.port(end, *p.EndPort)
			}
		default:
			if p.EndPort != nil {
				j.invalid(end, *p.EndPort, "may not be specified when `port` is non-numeric")
			}
			j.invalid(at.Child("port"), p.Port.StrVal, validation.IsValidPortName(p.Port.StrVal)...)
		}
	}
}

func checkPolicyPeers(j *judge, peers []networkingv1.NetworkPolicyPeer, before []string, path *field.Path) {
	for i, p := range peers {
		at := path.Index(i)
		checkSelector(j, p.PodSelector, at.Child("podSelector"))
		checkSelector(j, p.NamespaceSelector, at.Child("namespaceSelector"))
		if p.IPBlock != nil {
			checkIPBlock(j, p.IPBlock, before, at.Child("ipBlock"))
		}
		selects := p.PodSelector != nil || p.NamespaceSelector != nil
		switch {
		case !selects && p.IPBlock == nil:
			j.required(at, "must specify a peer")
		case selects && p.IPBlock != nil:
			j.forbidden(at, "may not specify both ipBlock and another peer")
		}
	}
}

func checkIPBlock(j *judge, b *networkingv1.IPBlock, before []string, path *field.Path) {
	if !j.filledLater(path.Child("cidr"), b.CIDR) {
		return
	}
	j.add(validation.IsValidCIDRForLegacyField(path.Child("cidr"), b.CIDR, true, before))
	_, whole, err := net.ParseCIDR(b.CIDR)
	if err != nil {
		return // said already
	}
	for i, except := range b.Except {
		at := path.Child("except").Index(i)
		j.add(validation.IsValidCIDRForLegacyField(at, except, true, before))
		_, part, err := net.ParseCIDR(except)
		if err != nil {
			continue
		}
		wholeBits, _ := whole.Mask.Size()
		partBits, _ := part.Mask.Size()
		if !whole.Contains(part.IP) || wholeBits >= partBits {
			j.invalid(at, except, "must be a strict subset of `cidr`")
		}
	}
}
