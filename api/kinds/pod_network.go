package kinds

import (
	"fmt"
	"net"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// What a resolver takes, see resolv.conf(5).
const (
	maxNameservers     = 3
	maxSearchPaths     = 32
	maxSearchListChars = 2048
	maxHostnameBytes   = 64
)

func checkPodNetwork(j *judge, spec *corev1.PodSpec, path *field.Path, where home) {
	if spec.Hostname != "" {
		j.label(path.Child("hostname"), spec.Hostname)
	}
	if spec.Subdomain != "" {
		j.label(path.Child("subdomain"), spec.Subdomain)
	}
	checkHostnameOverride(j, spec, path)
	for i, alias := range spec.HostAliases {
		path := path.Child("hostAliases").Index(i)
		checkIP(j, alias.IP, path.Child("ip"))
		for k, name := range alias.Hostnames {
			j.subdomain(path.Child("hostnames").Index(k), name)
		}
	}
	if spec.HostNetwork {
		checkHostNetworkPorts(j, spec, path.Child("containers"), where)
	}
}

func checkHostnameOverride(j *judge, spec *corev1.PodSpec, path *field.Path) {
	if spec.HostnameOverride == nil {
		return
	}
	path = path.Child("hostnameOverride")
	if isTrue(spec.SetHostnameAsFQDN) {
		j.forbidden(path, "may not be specified when setHostnameAsFQDN is true")
	}
	if spec.HostNetwork {
		j.forbidden(path, "may not be specified when hostNetwork is true")
	}
	if len(*spec.HostnameOverride) > maxHostnameBytes {
		j.tooLong(path, maxHostnameBytes)
	}
	j.subdomain(path, *spec.HostnameOverride)
}

func checkDNSConfig(j *judge, spec *corev1.PodSpec, path *field.Path) {
	config := spec.DNSConfig
	if spec.DNSPolicy == corev1.DNSNone {
		if config == nil {
			j.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
		} else if len(config.Nameservers) == 0 {
			j.required(path.Child("nameservers"), "must provide at least one DNS nameserver when `dnsPolicy` is None")
		}
	}
	if config == nil {
		return
	}
	servers, searches := path.Child("nameservers"), path.Child("searches")
	if len(config.Nameservers) > maxNameservers {
		j.invalid(servers, config.Nameservers, fmt.Sprintf("must not have more than %v nameservers", maxNameservers))
	}
	for i, server := range config.Nameservers {
		checkIP(j, server, servers.Index(i))
	}
	if len(config.Searches) > maxSearchPaths {
		j.invalid(searches, config.Searches, fmt.Sprintf("must not have more than %v search paths", maxSearchPaths))
	}
	if len(strings.Join(config.Searches, " ")) > maxSearchListChars {
		j.invalid(searches, config.Searches, fmt.Sprintf(
			"must not have more than %v characters (including spaces) in the search list", maxSearchListChars))
	}
	for i, search := range config.Searches {
		if search != "." {
			name := strings.TrimSuffix(search, ".")
			j.invalid(searches.Index(i), name, validation.IsDNS1123SubdomainWithUnderscore(name)...)
		}
	}
	for i, option := range config.Options {
		if option.Name == "" {
			j.required(path.Child("options").Index(i), "must not be empty")
		}
	}
}

// checkHostNetworkPorts: in the network of the host, a container's port is the
// host's. A template may leave the host port out: it is filled in in the pod.
func checkHostNetworkPorts(j *judge, spec *corev1.PodSpec, path *field.Path, where home) {
	for i, c := range spec.Containers {
		for k, port := range c.Ports {
			open := where == inTemplate && port.HostPort == 0
			if !open && port.HostPort != port.ContainerPort {
				j.invalid(path.Index(i).Child("ports").Index(k).Child("hostPort"), port.HostPort,
					"must match `containerPort` when `hostNetwork` is true")
			}
		}
	}
}

func checkIP(j *judge, address string, path *field.Path) {
	if net.ParseIP(address) == nil {
		j.invalid(path, address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
	}
}
