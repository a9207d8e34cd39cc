package admission

import (
	"context"
	"errors"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// carryOver keeps what the server allocated for a service when the client's
// update leaves it out, and drops what a new type has no use for if the client
// only left it in.
func carryOver(service, old *corev1.Service) {
	spec, was := &service.Spec, &old.Spec
	wasExternal := was.Type == corev1.ServiceTypeExternalName
	switch {
	case spec.Type == corev1.ServiceTypeExternalName && !wasExternal:
		if spec.ClusterIP == was.ClusterIP {
			spec.ClusterIP, spec.ClusterIPs = "", nil
			spec.IPFamilies, spec.IPFamilyPolicy = nil, nil
			spec.InternalTrafficPolicy = nil
		}
	case spec.Type != corev1.ServiceTypeExternalName && !wasExternal:
		if spec.ClusterIP == "" && len(spec.ClusterIPs) == 0 {
			spec.ClusterIP, spec.ClusterIPs = was.ClusterIP, slices.Clone(was.ClusterIPs)
		}
		if spec.ClusterIP == was.ClusterIP {
			if len(spec.IPFamilies) == 0 {
				spec.IPFamilies = slices.Clone(was.IPFamilies)
			}
			if spec.IPFamilyPolicy == nil {
				spec.IPFamilyPolicy = was.IPFamilyPolicy
			}
		}
	}
	if spec.ClusterIP != was.ClusterIP && slices.Equal(spec.ClusterIPs, was.ClusterIPs) {
		spec.ClusterIPs = nil // follows the field that the client changed
	}
	switch {
	case hasNodePorts(was) && !hasNodePorts(spec):
		dropPorts(spec, was)
	case hasNodePorts(was):
		keepPorts(spec, was)
	}
	dropForeign(spec, was)
}

// dropForeign drops the fields that only services of another type have, where
// they are as the client found them.
func dropForeign(spec, was *corev1.ServiceSpec) {
	balancer := spec.Type == corev1.ServiceTypeLoadBalancer
	outside := balancer || spec.Type == corev1.ServiceTypeNodePort ||
		spec.Type == corev1.ServiceTypeClusterIP && len(spec.ExternalIPs) > 0
	local := spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	if !(balancer && local) && spec.HealthCheckNodePort == was.HealthCheckNodePort {
		spec.HealthCheckNodePort = 0
	}
	if !outside && spec.ExternalTrafficPolicy == was.ExternalTrafficPolicy {
		spec.ExternalTrafficPolicy = ""
	}
	if balancer {
		return
	}
	if equalPtr(spec.AllocateLoadBalancerNodePorts, was.AllocateLoadBalancerNodePorts) {
		spec.AllocateLoadBalancerNodePorts = nil
	}
	if equalPtr(spec.LoadBalancerClass, was.LoadBalancerClass) {
		spec.LoadBalancerClass = nil
	}
}

func equalPtr[T comparable](a, b *T) bool { return a != nil && b != nil && *a == *b }

// hasNodePorts reports whether services of this spec have node ports.
func hasNodePorts(spec *corev1.ServiceSpec) bool {
	switch spec.Type {
	case corev1.ServiceTypeNodePort:
		return true
	case corev1.ServiceTypeLoadBalancer:
		return spec.AllocateLoadBalancerNodePorts == nil || *spec.AllocateLoadBalancerNodePorts
	}
	return false
}

func samePort(p corev1.ServicePort) func(corev1.ServicePort) bool {
	return func(q corev1.ServicePort) bool { return p.Port == q.Port && p.Protocol == q.Protocol }
}

func dropPorts(spec, was *corev1.ServiceSpec) {
	for i := range spec.Ports {
		p := &spec.Ports[i]
		if j := slices.IndexFunc(was.Ports, samePort(*p)); j >= 0 && was.Ports[j].NodePort == p.NodePort {
			p.NodePort = 0
		}
	}
}

func keepPorts(spec, was *corev1.ServiceSpec) {
	for i := range spec.Ports {
		p := &spec.Ports[i]
		if p.NodePort != 0 {
			continue
		}
		j := slices.IndexFunc(was.Ports, samePort(*p))
		if j < 0 {
			continue
		}
		kept := was.Ports[j].NodePort
		clash := func(q corev1.ServicePort) bool { return q.NodePort == kept && q.Protocol == p.Protocol }
		if !slices.ContainsFunc(spec.Ports, clash) {
			p.NodePort = kept
		}
	}
}

// checkFamilies refuses what a cluster with IPv4 alone does not have, and says in
// the service what it has.
func (s *ServiceIPs) checkFamilies(service *corev1.Service) error {
	spec := &service.Spec
	path := field.NewPath("spec")
	var errs field.ErrorList
	if spec.IPFamilyPolicy != nil && *spec.IPFamilyPolicy == corev1.IPFamilyPolicyRequireDualStack {
		errs = append(errs, field.Invalid(path.Child("ipFamilyPolicy"), *spec.IPFamilyPolicy, "this cluster is not configured for dual-stack services"))
	}
	for i, family := range spec.IPFamilies {
		if family == corev1.IPv6Protocol {
			errs = append(errs, field.Invalid(path.Child("ipFamilies").Index(i), family, "not configured on this cluster"))
		}
	}
	if len(errs) > 0 {
		return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Service").GroupKind(), service.Name, errs)
	}
	if len(spec.IPFamilies) == 0 {
		spec.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol}
	}
	if spec.IPFamilyPolicy == nil {
		policy := corev1.IPFamilyPolicySingleStack
		spec.IPFamilyPolicy = &policy
	}
	return nil
}

func (s *ServiceIPs) allocateAddress(ctx context.Context, service *corev1.Service, dryRun bool) error {
	spec := &service.Spec
	if spec.ClusterIP == "" && len(spec.ClusterIPs) == 0 {
		ip, err := s.takeAddress(ctx, service, dryRun)
		if err != nil {
			return apierrors.NewInternalError(err)
		}
		spec.ClusterIP = ip
	}
	if spec.ClusterIP != "" && len(spec.ClusterIPs) == 0 {
		spec.ClusterIPs = []string{spec.ClusterIP}
	}
	return nil
}

// takeAddress claims some address of the first range that has one free.
func (s *ServiceIPs) takeAddress(ctx context.Context, service *corev1.Service, dryRun bool) (string, error) {
	ranges, err := s.spans(ctx)
	if err != nil {
		return "", err
	}
	for i := 0; i < len(ranges); {
		var ip string
		if ip, err = ranges[i].span.take(ctx, s.ips, holderOf(service), dryRun); err == nil && !dryRun {
			err = s.book.enter(ctx, ip, service)
		}
		switch {
		case err == nil:
			return ip, nil
		case !errors.Is(err, errTaken): // by the book alone, else try the next address
			i++
		}
	}
	return "", err
}

// allocatePorts gives each port its node port. Two protocols on one port share
// one, as DNS likes it.
func (s *ServiceIPs) allocatePorts(ctx context.Context, service *corev1.Service, dryRun bool) error {
	if !hasNodePorts(&service.Spec) {
		return nil
	}
	type slot struct {
		nodePort int32
		protocol corev1.Protocol
	}
	used := map[slot]bool{}
	byPort := map[int32]int32{}
	for _, p := range service.Spec.Ports {
		if p.NodePort != 0 {
			used[slot{p.NodePort, p.Protocol}] = true
			byPort[p.Port] = p.NodePort
		}
	}
	for i := range service.Spec.Ports {
		p := &service.Spec.Ports[i]
		if p.NodePort != 0 {
			continue
		}
		if shared := byPort[p.Port]; shared != 0 && !used[slot{shared, p.Protocol}] {
			p.NodePort = shared
		} else {
			name, err := s.ports.take(ctx, s.nodePorts, holderOf(service), dryRun)
			if err != nil {
				return apierrors.NewInternalError(err)
			}
			number, _ := strconv.Atoi(name) // a name of our own making
			p.NodePort = int32(number)
		}
		used[slot{p.NodePort, p.Protocol}] = true
		byPort[p.Port] = p.NodePort
	}
	return nil
}

// addressesOf returns the addresses that a service, which may be nil, holds.
func addressesOf(service *corev1.Service) []string {
	if service == nil || service.Spec.Type == corev1.ServiceTypeExternalName {
		return nil
	}
	var held []string
	for _, ip := range append([]string{service.Spec.ClusterIP}, service.Spec.ClusterIPs...) {
		if ip != "" && ip != corev1.ClusterIPNone && !slices.Contains(held, ip) {
			held = append(held, ip)
		}
	}
	return held
}

// portsOf returns the node ports that a service, which may be nil, holds.
func portsOf(service *corev1.Service) []string {
	if service == nil {
		return nil
	}
	var held []string
	for _, p := range service.Spec.Ports {
		if name := strconv.Itoa(int(p.NodePort)); p.NodePort != 0 && !slices.Contains(held, name) {
			held = append(held, name)
		}
	}
	return held
}

// without returns the elements of a that are not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
