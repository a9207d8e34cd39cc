package kinds

import (
	"fmt"
	"net"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func checkIngress(j *judge, i *networkingv1.Ingress) {
	spec, path := &i.Spec, field.NewPath("spec")
	if len(spec.Rules) == 0 && spec.DefaultBackend == nil {
		j.invalid(path, spec.Rules, "either `defaultBackend` or `rules` must be specified")
	}
	if spec.DefaultBackend != nil {
		checkIngressBackend(j, spec.DefaultBackend, path.Child("defaultBackend"))
	}
	for k, r := range spec.Rules {
		at := path.Child("rules").Index(k)
		if r.Host != "" {
			checkNotIP(j, r.Host, at.Child("host"))
			checkHost(j, r.Host, at.Child("host"))
		}
		if r.HTTP != nil {
			checkIngressPaths(j, r.HTTP.Paths, at.Child("http", "paths"))
		}
	}
	for k, t := range spec.TLS {
		at := path.Child("tls").Index(k)
		for n, host := range t.Hosts {
			checkHost(j, host, at.Child("hosts").Index(n))
		}
		if t.SecretName != "" {
			j.subdomain(at.Child("secretName"), t.SecretName)
		}
	}
	if spec.IngressClassName != nil {
		j.subdomain(path.Child("ingressClassName"), *spec.IngressClassName)
	}
}

// ingressClassAnnotation is how an ingress named its class before there was a
// field for it.
const ingressClassAnnotation = "kubernetes.io/ingress.class"

func checkIngressCreate(j *judge, i *networkingv1.Ingress) {
	class, ok := i.Annotations[ingressClassAnnotation]
	if ok && i.Spec.IngressClassName != nil && class != *i.Spec.IngressClassName {
		j.invalid(field.NewPath("annotations").Child(ingressClassAnnotation), class,
			"must match `ingressClassName` when both are specified")
	}
}

// warnIngress tells who uses the annotation alone; old is nil for a new one.
func warnIngress(i, old *networkingv1.Ingress) []string {
	if _, ok := i.Annotations[ingressClassAnnotation]; ok && old == nil && i.Spec.IngressClassName == nil {
		return []string{fmt.Sprintf("annotation %q is deprecated, please use 'spec.ingressClassName' instead", ingressClassAnnotation)}
	}
	return nil
}

func checkNotIP(j *judge, host string, path *field.Path) {
	if net.ParseIP(host) != nil {
		j.invalid(path, host, "must be a DNS name, not an IP address")
	}
}

// checkHost judges a name of which the first part may be a star.
func checkHost(j *judge, host string, path *field.Path) {
	if strings.Contains(host, "*") {
		j.invalid(path, host, validation.IsWildcardDNS1123Subdomain(host)...)
	} else {
		j.subdomain(path, host)
	}
}

func checkIngressPaths(j *judge, paths []networkingv1.HTTPIngressPath, path *field.Path) {
	if len(paths) == 0 {
		j.required(path, "")
	}
	for i := range paths {
		p, at := &paths[i], path.Index(i)
		if p.PathType == nil {
			j.required(at.Child("pathType"), "pathType must be specified")
			continue
		}
		switch *p.PathType {
		case networkingv1.PathTypeExact, networkingv1.PathTypePrefix:
			checkIngressPath(j, p.Path, at.Child("path"))
		case networkingv1.PathTypeImplementationSpecific:
			if p.Path != "" && !strings.HasPrefix(p.Path, "/") {
				j.invalid(at.Child("path"), p.Path, "must be an absolute path")
			}
		default:
			supported(j, at.Child("pathType"), *p.PathType,
				networkingv1.PathTypeExact, networkingv1.PathTypeImplementationSpecific, networkingv1.PathTypePrefix)
		}
		checkIngressBackend(j, &p.Backend, at.Child("backend"))
	}
}

// checkIngressPath: a path must be written in the one way that all
// implementations agree on.
func checkIngressPath(j *judge, p string, path *field.Path) {
	if !strings.HasPrefix(p, "/") {
		j.invalid(path, p, "must be an absolute path")
	}
	for _, bad := range []string{"//", "/./", "/../", "%2f", "%2F"} {
		if strings.Contains(p, bad) {
			j.invalid(path, p, fmt.Sprintf("must not contain '%s'", bad))
		}
	}
	for _, bad := range []string{"/..", "/."} {
		if strings.HasSuffix(p, bad) {
			j.invalid(path, p, fmt.Sprintf("cannot end with '%s'", bad))
		}
	}
}

func checkIngressBackend(j *judge, b *networkingv1.IngressBackend, path *field.Path) {
	switch {
	case b.Resource != nil && b.Service != nil:
		j.invalid(path, "", "cannot set both resource and service backends")
	case b.Resource != nil:
		checkReference(j, b.Resource.APIGroup, b.Resource.Kind, b.Resource.Name, path.Child("resource"), j.filled)
	case b.Service != nil:
		name := path.Child("service", "name")
		if j.filled(name, b.Service.Name) {
			j.label(name, b.Service.Name)
		}
		checkIngressPort(j, b.Service.Port, path)
	default:
		j.invalid(path, "", "resource or service backend is required")
	}
}

func checkIngressPort(j *judge, p networkingv1.ServiceBackendPort, path *field.Path) {
	at := path.Child("service", "port")
	switch {
	case p.Name != "" && p.Number != 0:
		j.invalid(path, "", "cannot set both port name & port number")
	case p.Name != "":
		j.invalid(at.Child("name"), p.Name, validation.IsValidPortName(p.Name)...)
	case p.Number != 0:
		j.port(at.Child("number"), p.Number)
	default:
		j.required(path, "port name or number is required")
	}
}

// checkReference judges a reference to an object of any kind, of which filled
// asks for the parts that must be there.
func checkReference(j *judge, group *string, kind, name string, path *field.Path, filled func(*field.Path, string) bool) {
	if group != nil {
		j.subdomain(path.Child("apiGroup"), *group)
	}
	if filled(path.Child("kind"), kind) {
		j.invalid(path.Child("kind"), kind, pathSegment(kind, false)...)
	}
	if filled(path.Child("name"), name) {
		j.invalid(path.Child("name"), name, pathSegment(name, false)...)
	}
}

func checkIngressStatus(j *judge, i, old *networkingv1.Ingress) {
	var before []string
	for _, point := range old.Status.LoadBalancer.Ingress {
		before = append(before, point.IP)
	}
	path := field.NewPath("status", "loadBalancer", "ingress")
	for k, point := range i.Status.LoadBalancer.Ingress {
		checkLoadBalancerPoint(j, point.IP, point.Hostname, before, path.Index(k))
	}
}

// checkLoadBalancerPoint judges where a load balancer is said to be, by an address
// or a name; addresses that were there before may be written in any way.
func checkLoadBalancerPoint(j *judge, ip, host string, before []string, path *field.Path) {
	if ip != "" {
		j.add(validation.IsValidIPForLegacyField(path.Child("ip"), ip, true, before))
	}
	if host != "" {
		j.subdomain(path.Child("hostname"), host)
		checkNotIP(j, host, path.Child("hostname"))
	}
}

// maxControllerBytes limits the name of an ingress class's controller.
const maxControllerBytes = 250

func checkIngressClass(j *judge, c *networkingv1.IngressClass) {
	path := field.NewPath("spec", "controller")
	if len(c.Spec.Controller) > maxControllerBytes {
		j.tooLong(path, maxControllerBytes)
	}
	j.add(validation.IsDomainPrefixedPath(path, c.Spec.Controller))
	p, at := c.Spec.Parameters, field.NewPath("spec", "parameters")
	if p == nil {
		return
	}
	checkReference(j, p.APIGroup, p.Kind, p.Name, at, j.filledLater)
	if p.Scope == nil {
		j.required(at.Child("scope"), "")
		return
	}
	switch namespace := at.Child("namespace"); *p.Scope {
	case networkingv1.IngressClassParametersReferenceScopeNamespace:
		if p.Namespace == nil {
			j.required(namespace, "`parameters.scope` is set to 'Namespace'")
		} else {
			j.invalid(namespace, *p.Namespace, apivalidation.ValidateNamespaceName(*p.Namespace, false)...)
		}
	case networkingv1.IngressClassParametersReferenceScopeCluster:
		if p.Namespace != nil {
			j.forbidden(namespace, "`parameters.scope` is set to 'Cluster'")
		}
	default:
		supported(j, at.Child("scope"), *p.Scope,
			networkingv1.IngressClassParametersReferenceScopeCluster, networkingv1.IngressClassParametersReferenceScopeNamespace)
	}
}

func checkIngressClassUpdate(j *judge, c, old *networkingv1.IngressClass) {
	j.unchanged(field.NewPath("spec", "controller"), c.Spec.Controller, old.Spec.Controller)
}
