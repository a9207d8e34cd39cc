// Package filter is a workshop exercise: write a scheduler's filter.
//
// A taint on a node keeps pods away that do not tolerate it. Write the filter that
// sees to it. A taint of effect NoSchedule or NoExecute counts, one of
// PreferNoSchedule does not. A toleration tolerates a taint if effect (empty: any),
// key (empty with Exists: any) and, with operator Equal, which is the default, the value
// are the same. See
// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/.
package filter

import (
	"github.com/coracle-k8s/coracle/scheduler"
	"github.com/coracle-k8s/coracle/scheduler/plugins"
)

// New returns the filter. Put yours here.
func New() scheduler.Filter { return plugins.TaintToleration{} }
