package endpointslice

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// managedBy is who writes the slices, which is how others' are told apart. It
	// is the name that Kubernetes' controller has, since tools look for it.
	managedBy = "endpointslice-controller.k8s.io"
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
	var change Change
	byPorts := map[string][]*discoveryv1.EndpointSlice{}
	for _, s := range byName(existing) {
		if !metav1.IsControlledBy(s, svc) { // of an earlier Service of this name
			change.Delete = append(change.Delete, s)
			continue
		}
		key := portsKey(s.Ports)
		byPorts[key] = append(byPorts[key], s)
	}
	if len(groups) == 0 {
		groups = []Group{nobody(byPorts)}
	}
	for _, g := range groups {
		key := portsKey(g.Ports)
		change.fit(svc, g, byPorts[key])
		delete(byPorts, key)
	}
	for _, key := range slices.Sorted(maps.Keys(byPorts)) {
		change.Delete = append(change.Delete, byPorts[key]...)
	}
	return change
}

// nobody is the group of no endpoints, for the one slice that says that there
// are none. It has the ports of a slice there is, which then needs no new one.
func nobody(byPorts map[string][]*discoveryv1.EndpointSlice) Group {
	for _, key := range slices.Sorted(maps.Keys(byPorts)) {
		return Group{Ports: byPorts[key][0].Ports}
	}
	return Group{}
}

// A sheet is a slice as it is to be.
type sheet struct {
	slice     *discoveryv1.EndpointSlice
	endpoints []discoveryv1.Endpoint
	changed   bool
}

func (s *sheet) room() int { return maxEndpoints - len(s.endpoints) }

// fit puts one group into its slices, in three rounds: what is there stays where
// it is; what is new goes first to slices that change anyway, then, if all that
// is left fits, to the fullest other that has room for it, and else into new ones.
func (c *Change) fit(svc *corev1.Service, g Group, existing []*discoveryv1.EndpointSlice) {
	sheets, left := keep(svc, g, existing)
	for i := range sheets {
		if s := &sheets[i]; s.changed {
			left = s.take(left)
		}
	}
	if s := fullest(sheets, len(left)); s != nil {
		left = s.take(left)
	}
	used := 0
	for _, s := range sheets {
		if len(s.endpoints) > 0 {
			used++
		}
	}
	for _, s := range sheets {
		switch {
		case len(s.endpoints) == 0 && (used > 0 || len(left) > 0):
			c.Delete = append(c.Delete, s.slice)
			continue
		case s.changed:
			update := s.slice.DeepCopy()
			update.Endpoints, update.Labels = s.endpoints, labelsOf(svc)
			c.Update = append(c.Update, update)
		}
		used = max(used, 1) // An empty one that stays says that there is nobody.
	}
	for len(left) > 0 || used == 0 {
		n := min(maxEndpoints, len(left))
		c.Create = append(c.Create, newSlice(svc, g.Ports, left[:n]))
		left = left[n:]
		used++
	}
}

// keep leaves in each slice the endpoints that are still wanted, as they are
// now, and returns those that are in none.
func keep(svc *corev1.Service, g Group, existing []*discoveryv1.EndpointSlice) (sheets []sheet, left []discoveryv1.Endpoint) {
	wanted := map[identity]discoveryv1.Endpoint{}
	for _, e := range g.Endpoints {
		wanted[identityOf(e)] = e
	}
	sheets = make([]sheet, len(existing))
	for i, s := range existing {
		sheets[i] = sheet{slice: s, changed: !maps.Equal(labelsOf(svc), s.Labels)}
		for _, e := range s.Endpoints {
			w, ok := wanted[identityOf(e)]
			if ok {
				sheets[i].endpoints = append(sheets[i].endpoints, w)
				delete(wanted, identityOf(e))
			}
			if !ok || !equality.Semantic.DeepEqual(w, e) {
				sheets[i].changed = true
			}
		}
	}
	for _, e := range g.Endpoints { // in the group's order
		if _, ok := wanted[identityOf(e)]; ok {
			left = append(left, e)
		}
	}
	return sheets, left
}

// take fills a sheet and returns what it has no room for.
func (s *sheet) take(left []discoveryv1.Endpoint) []discoveryv1.Endpoint {
	n := min(s.room(), len(left))
	s.endpoints = append(s.endpoints, left[:n]...)
	s.changed = s.changed || n > 0
	return left[n:]
}

// fullest is the sheet with the least room that has room for n more, or nil.
func fullest(sheets []sheet, n int) *sheet {
	var best *sheet
	for i := range sheets {
		if s := &sheets[i]; s.room() >= n && (best == nil || s.room() < best.room()) {
			best = s
		}
	}
	return best
}

// An identity tells endpoints apart. The address is not enough: pods in their
// node's network share it, and a new one may come while the old one ends.
type identity struct {
	address string
	pod     types.UID
}

func identityOf(e discoveryv1.Endpoint) identity {
	id := identity{address: e.Addresses[0]}
	if e.TargetRef != nil {
		id.pod = e.TargetRef.UID
	}
	return id
}

func byName(existing []*discoveryv1.EndpointSlice) []*discoveryv1.EndpointSlice {
	return slices.SortedFunc(slices.Values(existing), func(a, b *discoveryv1.EndpointSlice) int { return cmp.Compare(a.Name, b.Name) })
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
