package crd

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ruleCost adds up what the rules of a schema cost.
type ruleCost struct {
	total uint64
	each  []costly // those that matter: a hundredth of what is allowed, or more
}

type costly struct {
	path *field.Path
	cost uint64
}

// mostExpensive is how many rules an error about all of them names.
const mostExpensive = 4

// add counts an expression, and refuses one that costs too much by itself.
func (c *ruleCost) add(path *field.Path, what string, cost uint64) *field.Error {
	if c.total > math.MaxUint64-cost {
		c.total = math.MaxUint64
	} else {
		c.total += cost
	}
	if cost >= maxSchemaCost/100 {
		c.each = append(c.each, costly{path, cost})
	}
	if cost > maxRuleCost {
		return field.Forbidden(path, tooDear(what, cost, maxRuleCost))
	}
	return nil
}

// judge refuses rules that cost too much together.
func (c *ruleCost) judge(path *field.Path) field.ErrorList {
	if c.total <= maxSchemaCost {
		return nil
	}
	slices.SortStableFunc(c.each, func(a, b costly) int { return cmp.Compare(b.cost, a.cost) })
	var errs field.ErrorList
	for _, e := range c.each[:min(len(c.each), mostExpensive)] {
		errs = append(errs, field.Forbidden(e.path, "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"))
	}
	return append(errs, field.Forbidden(path,
		tooDear("x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema", c.total, maxSchemaCost)))
}

func tooDear(what string, cost, limit uint64) string {
	factor := float64(cost) / float64(limit)
	text := fmt.Sprintf("%.1fx", factor)
	switch {
	case factor > 100:
		text = "more than 100x"
	case factor < 1.5:
		text = fmt.Sprintf("%fx", factor)
	}
	return what + " exceeds budget by factor of " + text +
		" (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
}

// times is how often the parts of something can be there that has at most so
// many of them; nil is without bound.
func times(cardinality *uint64, most *int64) *uint64 {
	if cardinality == nil || most == nil {
		return nil
	}
	n := product(*cardinality, uint64(max(*most, 0)))
	return &n
}

func product(a, b uint64) uint64 {
	if a != 0 && math.MaxUint64/a < b {
		return math.MaxUint64
	}
	return a * b
}

func one() *uint64 {
	n := uint64(1)
	return &n
}
