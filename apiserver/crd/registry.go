package crd

import (
	"cmp"
	"slices"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// A Registry holds the built-in kinds and those that definitions have made. It
// implements api.Registry. Reading it takes no lock: a change replaces the
// whole table.
type Registry struct {
	base    []*api.Resource
	current atomic.Pointer[table]
}

var _ api.Registry = (*Registry)(nil)

// A table is what a registry holds at a time. It is never changed.
type table struct {
	all    []*api.Resource
	byName map[schema.GroupVersionResource]*api.Resource
	byKind map[schema.GroupVersionKind]*api.Resource
	// there are all custom resources, those among them that are not served.
	there map[*api.Resource]bool
}

// NewRegistry returns a registry over the built-in kinds, to which a
// [Controller] adds. CustomResourceDefinition, which must be among them, gets
// the rules of this package.
func NewRegistry(base api.Registry) *Registry {
	r := &Registry{base: slices.Clone(base.All())}
	for i, resource := range r.base {
		if resource.GroupResource() == definitionsResource {
			r.base[i] = judged(resource)
		}
	}
	r.set(nil, nil)
	return r
}

// definitionsResource names the definitions themselves.
var definitionsResource = schema.GroupResource{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"}

// definitions returns the resource of the definitions.
func (r *Registry) definitions() *api.Resource {
	return r.Resource(definitionsResource.WithVersion("v1"))
}

// Resource implements api.Registry.
func (r *Registry) Resource(gvr schema.GroupVersionResource) *api.Resource {
	return r.current.Load().byName[gvr]
}

// ForKind implements api.Registry.
func (r *Registry) ForKind(gvk schema.GroupVersionKind) *api.Resource {
	return r.current.Load().byKind[gvk]
}

// All implements api.Registry.
func (r *Registry) All() []*api.Resource { return r.current.Load().all }

// Has says whether a resource is in the registry, served or not. Those that are
// not custom always are.
func (r *Registry) Has(resource *api.Resource) bool {
	_, custom := resource.New().(*unstructured.Unstructured)
	return !custom || r.current.Load().there[resource]
}

// set replaces the custom kinds by those that are served and others beside them.
// They stand behind the built-in ones, which keep a name that both have.
func (r *Registry) set(custom, unserved []*api.Resource) {
	custom = slices.Clone(custom)
	slices.SortFunc(custom, func(a, b *api.Resource) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Plural, b.Plural), cmp.Compare(a.Version, b.Version))
	})
	next := &table{
		byName: map[schema.GroupVersionResource]*api.Resource{},
		byKind: map[schema.GroupVersionKind]*api.Resource{},
		there:  map[*api.Resource]bool{},
	}
	for _, resource := range unserved {
		next.there[resource] = true
	}
	for _, resource := range slices.Concat(r.base, custom) {
		if next.byName[resource.GroupVersionResource()] != nil {
			continue
		}
		next.there[resource] = true
		next.all = append(next.all, resource)
		next.byName[resource.GroupVersionResource()] = resource
		if next.byKind[resource.GroupVersionKind] == nil {
			next.byKind[resource.GroupVersionKind] = resource
		}
	}
	r.current.Store(next)
}
