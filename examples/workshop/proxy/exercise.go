// Package proxy is a workshop exercise: work out where connections go.
//
// A Service is an address that no machine has. Write the function that says, for each
// of its ports, which pods answer there. It is pure: Services and EndpointSlices in,
// a proxy.Table out, in an order that depends on nothing but them.
//
// A slice belongs to the Service of its namespace that the label
// kubernetes.io/service-name names; a slice's port to the Service port of the same
// name. Endpoints that are not ready get nothing (nil means ready). A Service without
// an address of its own has no rules. One without endpoints has: its connections are
// refused. That is all the kit asks for; traffic policies, affinity and node ports are
// for the second evening.
package proxy

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/coracle-k8s/coracle/network/proxy"
)

// Build works out the table of a node. Put yours here.
func Build(services []*corev1.Service, slices []*discoveryv1.EndpointSlice, node string) proxy.Table {
	return proxy.Build(services, slices, node)
}
