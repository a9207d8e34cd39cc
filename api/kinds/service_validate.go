package kinds

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxAffinitySeconds is a day: for longer no client is held to its endpoint.
const maxAffinitySeconds = 86400

func isHeadless(s *corev1.Service) bool {
	return len(s.Spec.ClusterIPs) == 1 && s.Spec.ClusterIPs[0] == corev1.ClusterIPNone
}

func checkService(j *judge, s *corev1.Service) {
	path := field.NewPath("spec")
	oneOf(j, path.Child("type"), s.Spec.Type, corev1.ServiceTypeClusterIP,
		corev1.ServiceTypeExternalName, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeNodePort)
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		checkExternalName(j, s, path)
	} else {
		if len(s.Spec.Ports) == 0 && !isHeadless(s) {
			j.required(path.Child("ports"), "")
		}
		if isHeadless(s) && s.Spec.Type != corev1.ServiceTypeClusterIP {
			j.invalid(path.Child("clusterIPs").Index(0), corev1.ClusterIPNone,
				fmt.Sprintf("may not be set to 'None' for %s services", s.Spec.Type))
		}
		checkClusterIPs(j, s, path)
	}
	checkServicePorts(j, s, path.Child("ports"))
	j.add(metavalidation.ValidateLabels(s.Spec.Selector, path.Child("selector")))
	checkAffinityConfig(j, s, path)
	for i, ip := range s.Spec.ExternalIPs {
		checkEndpointIP(j, ip, path.Child("externalIPs").Index(i))
	}
	checkTraffic(j, s, path)
	checkLoadBalancer(j, s, path)
}

// checkExternalName judges a service that is another name for a host elsewhere.
func checkExternalName(j *judge, s *corev1.Service, path *field.Path) {
	j.none(path, "may not be set for ExternalName services", map[string]bool{
		"clusterIPs":     len(s.Spec.ClusterIPs) > 0,
		"ipFamilies":     len(s.Spec.IPFamilies) > 0,
		"ipFamilyPolicy": s.Spec.IPFamilyPolicy != nil,
	})
	j.objectName(path.Child("externalName"), strings.TrimSuffix(s.Spec.ExternalName, "."))
}

// checkClusterIPs judges the addresses a client asks for, or the server gave.
// clusterIP is the first of clusterIPs, from the time when there was but one.
func checkClusterIPs(j *judge, s *corev1.Service, path *field.Path) {
	spec, ips := &s.Spec, path.Child("clusterIPs")
	switch {
	case spec.ClusterIP == "" && len(spec.ClusterIPs) > 0:
		j.invalid(ips, spec.ClusterIPs, "must be empty when `clusterIP` is not specified")
	case spec.ClusterIP != "" && len(spec.ClusterIPs) == 0:
		j.required(ips, "")
	case spec.ClusterIP != "" && spec.ClusterIP != spec.ClusterIPs[0]:
		j.invalid(ips, spec.ClusterIPs, "first value must match `clusterIP`")
	}
	if len(spec.ClusterIPs) > 2 {
		j.invalid(ips, spec.ClusterIPs, "may only hold up to 2 values")
	}
	for i, address := range spec.ClusterIPs {
		if i == 0 && address == corev1.ClusterIPNone {
			if len(spec.ClusterIPs) > 1 {
				j.invalid(ips, spec.ClusterIPs, "'None' must be the first and only value")
			}
			continue
		}
		checkIP(j, address, ips.Index(i))
		checkFamily(j, spec, i, ips.Index(i))
	}

	if len(spec.ClusterIPs) == 2 && strings.Contains(spec.ClusterIPs[0], ":") == strings.Contains(spec.ClusterIPs[1], ":") {
		j.invalid(ips, spec.ClusterIPs, "may specify no more than one IP for each IP family")
	}

	seen := map[corev1.IPFamily]bool{}
	for i, family := range spec.IPFamilies {
		supported(j, path.Child("ipFamilies").Index(i), family, corev1.IPv4Protocol, corev1.IPv6Protocol)
		if seen[family] {
			j.duplicate(path.Child("ipFamilies").Index(i), family)
		}
		seen[family] = true
	}
	if spec.IPFamilyPolicy != nil {
		supported(j, path.Child("ipFamilyPolicy"), *spec.IPFamilyPolicy, corev1.IPFamilyPolicyPreferDualStack,
			corev1.IPFamilyPolicyRequireDualStack, corev1.IPFamilyPolicySingleStack)
	}
}

func checkFamily(j *judge, spec *corev1.ServiceSpec, i int, path *field.Path) {
	ip := net.ParseIP(spec.ClusterIPs[i])
	if ip == nil || i >= len(spec.IPFamilies) {
		return
	}
	isV4 := ip.To4() != nil
	if wantV4 := spec.IPFamilies[i] == corev1.IPv4Protocol; wantV4 != isV4 {
		j.invalid(path, spec.ClusterIPs[i],
			fmt.Sprintf("expected an %v value as indicated by `ipFamilies[%v]`", spec.IPFamilies[i], i))
	}
}

func checkServicePorts(j *judge, s *corev1.Service, path *field.Path) {
	type id struct {
		protocol corev1.Protocol
		number   int32
	}
	names, ports, nodePorts := nameSet{}, map[id]bool{}, map[id]bool{}
	for i, port := range s.Spec.Ports {
		path := path.Index(i)
		if port.Name != "" {
			j.label(path.Child("name"), port.Name)
			names.unique(j, path.Child("name"), port.Name)
		} else if len(s.Spec.Ports) > 1 {
			j.required(path.Child("name"), "")
		}
		j.port(path.Child("port"), port.Port)
		oneOf(j, path.Child("protocol"), port.Protocol, protocols()...)
		checkPortOrName(j, port.TargetPort, path.Child("targetPort"))
		if port.AppProtocol != nil {
			j.qualified(path.Child("appProtocol"), *port.AppProtocol)
		}
		if this := (id{port.Protocol, port.Port}); ports[this] {
			j.duplicate(path, corev1.ServicePort{Protocol: port.Protocol, Port: port.Port})
		} else {
			ports[this] = true
		}
		if port.NodePort == 0 {
			continue
		}
		if s.Spec.Type == corev1.ServiceTypeClusterIP {
			j.forbidden(path.Child("nodePort"), "may not be used when `type` is 'ClusterIP'")
		}
		if this := (id{port.Protocol, port.NodePort}); nodePorts[this] {
			j.duplicate(path.Child("nodePort"), port.NodePort)
		} else {
			nodePorts[this] = true
		}
	}
}

func checkAffinityConfig(j *judge, s *corev1.Service, path *field.Path) {
	spec, config := &s.Spec, path.Child("sessionAffinityConfig")
	oneOf(j, path.Child("sessionAffinity"), spec.SessionAffinity, corev1.ServiceAffinityClientIP, corev1.ServiceAffinityNone)
	switch {
	case spec.SessionAffinity == corev1.ServiceAffinityNone && spec.SessionAffinityConfig != nil:
		j.forbidden(config, "must not be set when session affinity is None")
	case spec.SessionAffinity != corev1.ServiceAffinityClientIP:
	case spec.SessionAffinityConfig == nil || spec.SessionAffinityConfig.ClientIP == nil ||
		spec.SessionAffinityConfig.ClientIP.TimeoutSeconds == nil:
		j.required(config, "when session affinity type is ClientIP")
	default:
		if seconds := *spec.SessionAffinityConfig.ClientIP.TimeoutSeconds; seconds <= 0 || seconds > maxAffinitySeconds {
			j.invalid(config.Child("clientIP", "timeoutSeconds"), seconds,
				fmt.Sprintf("must be greater than 0 and less than %d", maxAffinitySeconds))
		}
	}
}

// checkTraffic judges which endpoints a node sends traffic to.
func checkTraffic(j *judge, s *corev1.Service, path *field.Path) {
	external := path.Child("externalTrafficPolicy")
	if reachableFromOutside(&s.Spec) {
		oneOf(j, external, s.Spec.ExternalTrafficPolicy,
			corev1.ServiceExternalTrafficPolicyCluster, corev1.ServiceExternalTrafficPolicyLocal)
	} else if s.Spec.ExternalTrafficPolicy != "" {
		j.invalid(external, s.Spec.ExternalTrafficPolicy, "may only be set for externally-accessible services")
	}
	if internal := s.Spec.InternalTrafficPolicy; internal != nil {
		supported(j, path.Child("internalTrafficPolicy"), *internal,
			corev1.ServiceInternalTrafficPolicyCluster, corev1.ServiceInternalTrafficPolicyLocal)
	} else if hasClusterIP(s.Spec.Type) {
		j.required(path.Child("internalTrafficPolicy"), "")
	}
	if s.Spec.TrafficDistribution != nil {
		supported(j, path.Child("trafficDistribution"), *s.Spec.TrafficDistribution,
			corev1.ServiceTrafficDistributionPreferClose, corev1.ServiceTrafficDistributionPreferSameZone,
			corev1.ServiceTrafficDistributionPreferSameNode)
	}
}

// checkLoadBalancer judges what only services with a load balancer have.
func checkLoadBalancer(j *judge, s *corev1.Service, path *field.Path) {
	spec := &s.Spec
	local := spec.Type == corev1.ServiceTypeLoadBalancer &&
		spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	if spec.HealthCheckNodePort != 0 && !local {
		j.invalid(path.Child("healthCheckNodePort"), spec.HealthCheckNodePort,
			"may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")
	}
	ranges := path.Child("LoadBalancerSourceRanges")
	for i, cidr := range spec.LoadBalancerSourceRanges {
		if _, err := netip.ParsePrefix(strings.TrimSpace(cidr)); err != nil {
			j.invalid(ranges.Index(i), cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")
		}
	}
	if spec.Type == corev1.ServiceTypeLoadBalancer {
		if spec.LoadBalancerClass != nil {
			j.qualified(path.Child("loadBalancerClass"), *spec.LoadBalancerClass)
		}
		return
	}
	const only = "may only be used when `type` is 'LoadBalancer'"
	if len(spec.LoadBalancerSourceRanges) > 0 {
		j.forbidden(ranges, only)
	}
	if spec.AllocateLoadBalancerNodePorts != nil {
		j.forbidden(path.Child("allocateLoadBalancerNodePorts"), only)
	}
	if spec.LoadBalancerClass != nil {
		j.forbidden(path.Child("loadBalancerClass"), only)
	}
}

// checkServiceUpdate keeps the address: clients and resolvers hold on to it. To
// become an ExternalName, or to stop being one, a service may lose or get it.
func checkServiceUpdate(j *judge, s, old *corev1.Service) {
	path := field.NewPath("spec")
	if s.Spec.Type == corev1.ServiceTypeExternalName || old.Spec.Type == corev1.ServiceTypeExternalName {
		return
	}
	now, was := s.Spec.ClusterIPs, old.Spec.ClusterIPs
	first := path.Child("clusterIPs").Index(0)
	switch {
	case len(was) == 0:
	case len(now) == 0:
		j.invalid(first, now, "primary clusterIP can not be unset")
	case now[0] != was[0]:
		j.invalid(first, now, "may not change once set")
	case len(now) > 1 && len(was) > 1 && now[1] != was[1]:
		j.invalid(path.Child("clusterIPs").Index(1), now, "may not change once set")
	}
	if fams, had := s.Spec.IPFamilies, old.Spec.IPFamilies; len(had) > 0 {
		switch {
		case len(fams) == 0:
			j.invalid(path.Child("ipFamilies").Index(0), fams, "primary ipFamily can not be unset")
		case fams[0] != had[0]:
			j.invalid(path.Child("ipFamilies").Index(0), fams, "may not change once set")
		}
	}
	balanced := s.Spec.Type == corev1.ServiceTypeLoadBalancer && old.Spec.Type == corev1.ServiceTypeLoadBalancer
	if balanced && !same(s.Spec.LoadBalancerClass, old.Spec.LoadBalancerClass) {
		j.invalid(path.Child("loadBalancerClass"), s.Spec.LoadBalancerClass, "may not change once set")
	}
}

// checkServiceStatus judges the addresses that a load balancer is said to have.
func checkServiceStatus(j *judge, s, old *corev1.Service) {
	path := field.NewPath("status", "loadBalancer", "ingress")
	points := s.Status.LoadBalancer.Ingress
	if s.Spec.Type != corev1.ServiceTypeLoadBalancer {
		if len(points) > 0 {
			j.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")
		}
		return
	}
	var before []string
	for _, point := range old.Status.LoadBalancer.Ingress {
		before = append(before, point.IP)
	}
	for i, point := range points {
		checkLoadBalancerPoint(j, point.IP, point.Hostname, before, path.Index(i))
		switch mode := path.Index(i).Child("ipMode"); {
		case point.IP != "" && point.IPMode == nil:
			j.required(mode, "must be specified when `ip` is set")
		case point.IP == "" && point.IPMode != nil:
			j.forbidden(mode, "may not be specified when `ip` is not set")
		case point.IPMode != nil:
			supported(j, mode, *point.IPMode, corev1.LoadBalancerIPModeProxy, corev1.LoadBalancerIPModeVIP)
		}
	}
}
