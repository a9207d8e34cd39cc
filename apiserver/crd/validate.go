package crd

import (
	"github.com/coracle-k8s/coracle/api"
)

// judged returns the resource of definitions with the rules of this package.
func judged(r *api.Resource) *api.Resource {
	with := *r
	return &with
}
