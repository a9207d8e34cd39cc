package kinds

import (
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// ingresses route HTTP from outside to services; ingress_validate.go has their
// rules.
func ingresses() *api.Resource {
	type ingress = *networkingv1.Ingress
	return &api.Resource{
		GroupVersionKind: networkingv1.SchemeGroupVersion.WithKind("Ingress"),
		Plural:           "ingresses",
		Singular:         "ingress",
		ShortNames:       []string{"ing"},
		Namespaced:       true,
		StorageKey:       "ingress",
		New:              func() api.Object { return &networkingv1.Ingress{} },
		NewList:          func() runtime.Object { return &networkingv1.IngressList{} },
		Validate:         rule(checkIngress),
		ValidateCreate:   rule(checkIngressCreate),
		Warnings:         warnings(warnIngress),
		ValidateStatus:   pairRule(checkIngressStatus),
		CopyStatus:       api.Pair(func(dst, src ingress) { dst.Status = src.Status }),
		Generation:       true,
		Columns: table(
			text("Class", "The name of the IngressClass resource that should be used for additional configuration", func(i ingress) string {
				return textOr(i.Spec.IngressClassName, none)
			}),
			text("Hosts", "Hosts that incoming requests are matched against before the ingress rule", func(i ingress) string {
				return ingressHosts(i.Spec.Rules)
			}),
			text("Address", "Address is a list containing ingress points for the load-balancer", ingressAddress),
			text("Ports", "Ports of TLS configurations that open", func(i ingress) string {
				if len(i.Spec.TLS) > 0 {
					return "80, 443"
				}
				return "80"
			}),
			api.AgeColumn(),
		),
	}
}

// ingressHosts shows the first hosts and how many rules there are beyond.
func ingressHosts(rules []networkingv1.IngressRule) string {
	const shown = 3
	var hosts []string
	more := ""
	for _, r := range rules {
		if len(hosts) == shown {
			more = fmt.Sprintf(" + %d more...", len(rules)-shown)
			break
		}
		if r.Host != "" {
			hosts = append(hosts, r.Host)
		}
	}
	return or(strings.Join(hosts, ","), "*") + more
}

func ingressAddress(i *networkingv1.Ingress) string {
	var all []string
	for _, point := range i.Status.LoadBalancer.Ingress {
		if address := or(point.IP, point.Hostname); address != "" {
			all = append(all, address)
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ",")
}

func ingressClasses() *api.Resource {
	type class = *networkingv1.IngressClass
	name := api.NameColumn()
	name.Value = api.Cell(func(c class) string {
		if c.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true" {
			return c.Name + " (default)"
		}
		return c.Name
	})
	return &api.Resource{
		GroupVersionKind: networkingv1.SchemeGroupVersion.WithKind("IngressClass"),
		Plural:           "ingressclasses",
		Singular:         "ingressclass",
		New:              func() api.Object { return &networkingv1.IngressClass{} },
		NewList:          func() runtime.Object { return &networkingv1.IngressClassList{} },
		Default: api.Do(func(c class) {
			if c.Spec.Parameters != nil {
				setDefaultPtr(&c.Spec.Parameters.Scope, networkingv1.IngressClassParametersReferenceScopeCluster)
			}
		}),
		Validate:       rule(checkIngressClass),
		ValidateUpdate: pairRule(checkIngressClassUpdate),
		Generation:     true,
		Columns: []api.Column{
			name,
			text("Controller", "Controller that is responsible for handling this class", func(c class) string { return c.Spec.Controller }),
			text("Parameters", "A reference to a resource with additional parameters", func(c class) string {
				p := c.Spec.Parameters
				if p == nil {
					return none
				}
				if p.APIGroup != nil {
					return p.Kind + "." + *p.APIGroup + "/" + p.Name
				}
				return p.Kind + "/" + p.Name
			}),
			api.AgeColumn(),
		},
	}
}
