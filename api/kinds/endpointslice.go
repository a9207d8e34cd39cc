package kinds

import (
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// How much one slice may hold.
const (
	maxSliceEndpoints = 1000
	maxSliceAddresses = 100
	maxSlicePorts     = 20000
)

func endpointSlices() *api.Resource {
	return &api.Resource{
		GroupVersionKind: discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"),
		Plural:           "endpointslices",
		Singular:         "endpointslice",
		Namespaced:       true,
		New:              func() api.Object { return &discoveryv1.EndpointSlice{} },
		NewList:          func() runtime.Object { return &discoveryv1.EndpointSliceList{} },
		Default:          api.Do(defaultEndpointSlice),
		Validate:         rule(func(j *judge, s *discoveryv1.EndpointSlice) { checkEndpointSlice(j, s, nil) }),
		ValidateUpdate:   pairRule(checkEndpointSlice),
		UpdateAlone:      true,
		Generation:       true,
		GenerationChanged: func(obj, old api.Object) bool {
			a, b := obj.(*discoveryv1.EndpointSlice), old.(*discoveryv1.EndpointSlice)
			return !same(a.Endpoints, b.Endpoints) || !same(a.Ports, b.Ports) || !same(a.Labels, b.Labels)
		},
		Columns: table(
			text("AddressType", docs(discoveryv1.EndpointSlice{}, "addressType"), func(s *discoveryv1.EndpointSlice) string {
				return string(s.AddressType)
			}),
			text("Ports", docs(discoveryv1.EndpointSlice{}, "ports"), slicePortsText),
			text("Endpoints", docs(discoveryv1.EndpointSlice{}, "endpoints"), sliceEndpointsText),
			api.AgeColumn(),
		),
	}
}

func defaultEndpointSlice(s *discoveryv1.EndpointSlice) {
	for i := range s.Ports {
		setDefaultPtr(&s.Ports[i].Name, "")
		setDefaultPtr(&s.Ports[i].Protocol, corev1.ProtocolTCP)
	}
}

// checkEndpointSlice judges a slice that is to replace old, or a new one. Endpoints
// that have not changed are put up with.
func checkEndpointSlice(j *judge, s, old *discoveryv1.EndpointSlice) {
	oneOf(j, field.NewPath("addressType"), s.AddressType,
		discoveryv1.AddressTypeFQDN, discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6)
	checkSlicePorts(j, s.Ports, field.NewPath("ports"))
	if old == nil || !same(s.Endpoints, old.Endpoints) {
		checkSliceEndpoints(j, s, field.NewPath("endpoints"))
	}
	if old != nil && s.AddressType != old.AddressType {
		j.invalid(field.NewPath("addressType"), nil, "field is immutable")
	}
}

func checkSliceEndpoints(j *judge, s *discoveryv1.EndpointSlice, path *field.Path) {
	if len(s.Endpoints) > maxSliceEndpoints {
		j.add(field.ErrorList{field.TooMany(path, len(s.Endpoints), maxSliceEndpoints)})
		return
	}
	for i, endpoint := range s.Endpoints {
		path := path.Index(i)
		addresses := path.Child("addresses")
		if len(endpoint.Addresses) == 0 {
			j.later(func(j *judge) { j.required(addresses, "") })
		}
		if len(endpoint.Addresses) > maxSliceAddresses {
			j.add(field.ErrorList{field.TooMany(addresses, len(endpoint.Addresses), maxSliceAddresses)})
		}
		for k, address := range endpoint.Addresses {
			checkSliceAddress(j, s.AddressType, address, addresses, k)
		}
		if endpoint.Hostname != nil {
			j.label(path.Child("hostname"), *endpoint.Hostname)
		}
		if endpoint.NodeName != nil {
			j.subdomain(path.Child("nodeName"), *endpoint.NodeName)
		}
	}
}

// checkSliceAddress judges address number k. What is of the wrong family is
// reported for the addresses as a whole, as Kubernetes does.
func checkSliceAddress(j *judge, kind discoveryv1.AddressType, address string, addresses *field.Path, k int) {
	path, ip := addresses.Index(k), net.ParseIP(address)
	switch {
	case kind == discoveryv1.AddressTypeFQDN:
		j.subdomain(path, address)
		return
	case kind == discoveryv1.AddressTypeIPv4 && ip != nil && ip.To4() == nil:
		j.invalid(addresses, address, "must be an IPv4 address")
	case kind == discoveryv1.AddressTypeIPv6 && ip != nil && ip.To4() != nil:
		j.invalid(addresses, address, "must be an IPv6 address")
	}
	checkEndpointIP(j, address, path)
}

func checkSlicePorts(j *judge, ports []discoveryv1.EndpointPort, path *field.Path) {
	if len(ports) > maxSlicePorts {
		j.add(field.ErrorList{field.TooMany(path, len(ports), maxSlicePorts)})
		return
	}
	names := map[string]bool{}
	for i, port := range ports {
		path := path.Index(i)
		name := ""
		if port.Name != nil {
			name = *port.Name
		}
		if name != "" {
			j.label(path.Child("name"), name)
		}
		if names[name] {
			j.duplicate(path.Child("name"), name)
		}
		names[name] = true
		if port.Protocol == nil {
			j.required(path.Child("protocol"), "")
		} else {
			oneOf(j, path.Child("protocol"), *port.Protocol, protocols()...)
		}
		if port.AppProtocol != nil {
			j.qualified(path.Child("appProtocol"), *port.AppProtocol)
		}
	}
}

func slicePortsText(s *discoveryv1.EndpointSlice) string {
	var all []string
	for _, port := range s.Ports {
		switch {
		case port.Port != nil:
			all = append(all, strconv.Itoa(int(*port.Port)))
		case port.Name != nil:
			all = append(all, *port.Name)
		default:
			all = append(all, "*")
		}
	}
	return or(firstFew(all, 3, ","), unset)
}

func sliceEndpointsText(s *discoveryv1.EndpointSlice) string {
	var all []string
	for _, endpoint := range s.Endpoints {
		all = append(all, endpoint.Addresses...)
	}
	return or(firstFew(all, 3, ","), unset)
}
