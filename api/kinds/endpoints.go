package kinds

//lint:file-ignore SA1019 Endpoints is deprecated for new programs; an API server still serves it.

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func endpoints() *api.Resource {
	return &api.Resource{
		GroupVersionKind:   corev1.SchemeGroupVersion.WithKind("Endpoints"),
		Plural:             "endpoints",
		DeprecationWarning: "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
		Singular:           "endpoints",
		ShortNames:         []string{"ep"},
		Namespaced:         true,
		StorageKey:         "services/endpoints",
		New:                func() api.Object { return &corev1.Endpoints{} },
		NewList:            func() runtime.Object { return &corev1.EndpointsList{} },
		Default:            api.Do(defaultEndpoints),
		Validate:           rule(checkEndpoints),
		CreateOnUpdate:     true,
		Columns: table(
			text("Endpoints", docs(corev1.Endpoints{}, "subsets"), endpointsText),
			api.AgeColumn(),
		),
	}
}

func defaultEndpoints(e *corev1.Endpoints) {
	for _, subset := range e.Subsets {
		for i := range subset.Ports {
			setDefault(&subset.Ports[i].Protocol, corev1.ProtocolTCP)
		}
	}
}

func checkEndpoints(j *judge, e *corev1.Endpoints) {
	for i, subset := range e.Subsets {
		path := field.NewPath("subsets").Index(i)
		if len(subset.Addresses) == 0 && len(subset.NotReadyAddresses) == 0 {
			j.required(path, "must specify `addresses` or `notReadyAddresses`")
		}
		checkEndpointAddresses(j, subset.Addresses, path.Child("addresses"))
		checkEndpointAddresses(j, subset.NotReadyAddresses, path.Child("notReadyAddresses"))
		for k, port := range subset.Ports {
			path := path.Child("ports").Index(k)
			if port.Name != "" {
				j.label(path.Child("name"), port.Name)
			} else if len(subset.Ports) > 1 {
				j.required(path.Child("name"), "")
			}
			j.port(path.Child("port"), port.Port)
			oneOf(j, path.Child("protocol"), port.Protocol, protocols()...)
			if port.AppProtocol != nil {
				j.qualified(path.Child("appProtocol"), *port.AppProtocol)
			}
		}
	}
}

func checkEndpointAddresses(j *judge, addresses []corev1.EndpointAddress, path *field.Path) {
	for i, address := range addresses {
		path := path.Index(i)
		ip := path.Child("ip")
		j.add(validation.IsValidIPForLegacyField(ip, address.IP, false, nil))
		if address.Hostname != "" {
			j.label(path.Child("hostname"), address.Hostname)
		}
		if address.NodeName != nil {
			j.subdomain(path.Child("nodeName"), *address.NodeName)
		}
		if net.ParseIP(address.IP) == nil {
			j.invalid(ip, address.IP, "must be a valid IP address")
		} else {
			checkEndpointIP(j, address.IP, ip)
		}
	}
}

// checkEndpointIP judges an address that traffic is to be sent to.
func checkEndpointIP(j *judge, address string, path *field.Path) {
	ip := net.ParseIP(address)
	switch {
	case ip == nil:
		j.invalid(path, address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
	case ip.IsUnspecified():
		j.invalid(path, address, fmt.Sprintf("may not be unspecified (%v)", address))
	case ip.IsLoopback():
		j.invalid(path, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
	case ip.IsLinkLocalUnicast():
		j.invalid(path, address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
	case ip.IsLinkLocalMulticast():
		j.invalid(path, address, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
	}
}

func endpointsText(e *corev1.Endpoints) string {
	var all []string
	for _, subset := range e.Subsets {
		if len(subset.Ports) == 0 {
			for _, address := range subset.Addresses {
				all = append(all, address.IP)
			}
		}
		for _, port := range subset.Ports {
			for _, address := range subset.Addresses {
				all = append(all, net.JoinHostPort(address.IP, strconv.Itoa(int(port.Port))))
			}
		}
	}
	if len(e.Subsets) == 0 {
		return none
	}
	return firstFew(all, 3, ",")
}

// firstFew joins the first texts and says how many more there are.
func firstFew(all []string, few int, separator string) string {
	if len(all) <= few {
		return strings.Join(all, separator)
	}
	return fmt.Sprintf("%s + %d more...", strings.Join(all[:few], separator), len(all)-few)
}
