package api

import "k8s.io/apimachinery/pkg/runtime/schema"

// NewRegistry returns a registry of a fixed set of resources.
func NewRegistry(resources []*Resource) Registry {
	r := &fixedRegistry{
		all:    resources,
		byName: make(map[schema.GroupVersionResource]*Resource, len(resources)),
		byKind: make(map[schema.GroupVersionKind]*Resource, len(resources)),
	}
	for _, res := range resources {
		r.byName[res.GroupVersionResource()] = res
		r.byKind[res.GroupVersionKind] = res
	}
	return r
}

type fixedRegistry struct {
	all    []*Resource
	byName map[schema.GroupVersionResource]*Resource
	byKind map[schema.GroupVersionKind]*Resource
}

func (r *fixedRegistry) Resource(gvr schema.GroupVersionResource) *Resource { return r.byName[gvr] }
func (r *fixedRegistry) ForKind(gvk schema.GroupVersionKind) *Resource      { return r.byKind[gvk] }
func (r *fixedRegistry) All() []*Resource                                   { return r.all }
