package endpointslice

import (
	"encoding/json"
	"maps"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// managedBy is who writes the slices, which is how others' are told apart.
	managedBy = "endpointslice-controller.coracle"
	// maxEndpoints is the most endpoints in a slice.
	maxEndpoints = 100
)

var serviceKind = corev1.SchemeGroupVersion.WithKind("Service")

// A Change is what to do to the slices of a Service.
type Change struct {
	Create, Update, Delete []*discoveryv1.EndpointSlice
}

// Slices fits the groups of endpoints into slices, changing as few as possible
// of those there are, which it does not modify.
func Slices(svc *corev1.Service, groups []Group, existing []*discoveryv1.EndpointSlice) Change {
	byPorts := map[string][]*discoveryv1.EndpointSlice{}
	for _, s := range existing {
		key := portsKey(s.Ports)
		byPorts[key] = append(byPorts[key], s)
	}
	var change Change
	if len(groups) == 0 {
		// One slice stays, to say that there is nobody.
		groups = []Group{{}}
		if len(existing) > 0 {
			groups[0].Ports = existing[0].Ports
		}
	}
	for _, g := range groups {
		key := portsKey(g.Ports)
		change.fit(svc, g, byPorts[key])
		delete(byPorts, key)
	}
	for _, rest := range byPorts {
		change.Delete = append(change.Delete, rest...)
	}
	return change
}

// fit puts one group into its slices.
func (c *Change) fit(svc *corev1.Service, g Group, slices []*discoveryv1.EndpointSlice) {
	wanted := map[string]discoveryv1.Endpoint{}
	for _, e := range g.Endpoints {
		wanted[e.Addresses[0]] = e
	}
	kept := make([][]discoveryv1.Endpoint, len(slices))
	for i, s := range slices {
		for _, e := range s.Endpoints {
			if w, ok := wanted[e.Addresses[0]]; ok {
				kept[i] = append(kept[i], w)
				delete(wanted, e.Addresses[0])
			}
		}
	}
	var left []discoveryv1.Endpoint // in the group's order
	for _, e := range g.Endpoints {
		if _, ok := wanted[e.Addresses[0]]; ok {
			left = append(left, e)
		}
	}
	for i := range slices {
		n := min(maxEndpoints-len(kept[i]), len(left))
		kept[i], left = append(kept[i], left[:n]...), left[n:]
	}
	used := 0
	for i, s := range slices {
		if len(kept[i]) == 0 && (used > 0 || i < len(slices)-1 || len(left) > 0) {
			c.Delete = append(c.Delete, s)
			continue
		}
		used++
		update := s.DeepCopy()
		update.Endpoints, update.Labels = kept[i], labelsOf(svc)
		if !equality.Semantic.DeepEqual(update.Endpoints, s.Endpoints) || !maps.Equal(update.Labels, s.Labels) {
			c.Update = append(c.Update, update)
		}
	}
	for len(left) > 0 || used == 0 {
		n := min(maxEndpoints, len(left))
		c.Create = append(c.Create, newSlice(svc, g.Ports, left[:n]))
		left = left[n:]
		used++
	}
}

func newSlice(svc *corev1.Service, ports []discoveryv1.EndpointPort, endpoints []discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: svc.Namespace, GenerateName: svc.Name + "-", Labels: labelsOf(svc),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(svc, serviceKind)},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       ports, Endpoints: endpoints,
	}
}

// labelsOf are a slice's labels: the Service's own, and whose slice it is.
// Proxies leave those of headless Services alone.
func labelsOf(svc *corev1.Service) map[string]string {
	labels := maps.Clone(svc.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[discoveryv1.LabelServiceName] = svc.Name
	labels[discoveryv1.LabelManagedBy] = managedBy
	delete(labels, corev1.IsHeadlessService)
	if svc.Spec.ClusterIP == corev1.ClusterIPNone {
		labels[corev1.IsHeadlessService] = ""
	}
	return labels
}

// portsKey is the same for the same ports.
func portsKey(ports []discoveryv1.EndpointPort) string {
	if len(ports) == 0 {
		return ""
	}
	data, _ := json.Marshal(ports) // Ports are texts and numbers: this cannot fail.
	return string(data)
}
