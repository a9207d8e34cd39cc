package deployment

import (
	"cmp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Bounds are how far a rollout may stray from the wanted number of pods.
type Bounds struct {
	Surge, Unavailable int
}

// BoundsOf resolves a Deployment's bounds, which may be percentages: surge is
// rounded up, unavailable down. Both zero would be a rollout that cannot move;
// then one pod may be unavailable.
func BoundsOf(d *appsv1.Deployment) Bounds {
	rolling := d.Spec.Strategy.RollingUpdate
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType || rolling == nil {
		return Bounds{}
	}
	wanted := int(*d.Spec.Replicas)
	surge, _ := intstr.GetScaledValueFromIntOrPercent(intstr.ValueOrDefault(rolling.MaxSurge, intstr.FromString("25%")), wanted, true)
	unavailable, _ := intstr.GetScaledValueFromIntOrPercent(intstr.ValueOrDefault(rolling.MaxUnavailable, intstr.FromString("25%")), wanted, false)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return Bounds{Surge: surge, Unavailable: min(unavailable, wanted)}
}

// A Set is what a rollout needs to know of a ReplicaSet.
type Set struct {
	Name string
	// Replicas is how many pods it is told to have, Available how many of its
	// pods are available.
	Replicas, Available int
	// Created orders sets by age, oldest first.
	Created int64
	// Total is how many pods all sets together were to have at most when this
	// one was last scaled; 0 if that is not known.
	Total int
}

// Roll decides, for one step of a rolling update, how many replicas each set is
// to have: the new one, and the old ones by name.
func Roll(wanted int, b Bounds, newSet Set, old []Set) (newReplicas int, oldReplicas map[string]int) {
	newReplicas = growNew(wanted, b, newSet, old)
	if newReplicas != newSet.Replicas {
		return newReplicas, unchanged(old) // One thing at a time.
	}
	return newReplicas, shrinkOld(wanted, b, newSet, old)
}

// growNew gives the new set what the surge leaves room for.
func growNew(wanted int, b Bounds, newSet Set, old []Set) int {
	if newSet.Replicas >= wanted {
		return wanted
	}
	total := newSet.Replicas
	for _, s := range old {
		total += s.Replicas
	}
	room := max(wanted+b.Surge-total, 0)
	return min(newSet.Replicas+room, wanted)
}

// shrinkOld takes from the old sets what is not needed to keep enough available.
// First go pods that are not available anyway, then available ones, of the
// oldest sets first.
func shrinkOld(wanted int, b Bounds, newSet Set, old []Set) map[string]int {
	out := unchanged(old)
	total := newSet.Replicas
	// A set just told to have fewer may still count those on their way out.
	newAvailable := min(newSet.Available, newSet.Replicas)
	available := newAvailable
	for _, s := range old {
		total += s.Replicas
		available += min(s.Available, s.Replicas)
	}
	least := wanted - b.Unavailable
	newUnavailable := newSet.Replicas - newAvailable
	spare := total - least - newUnavailable
	if spare <= 0 {
		return out
	}
	sorted := slices.SortedFunc(slices.Values(old), func(a, b Set) int { return cmp.Compare(a.Created, b.Created) })
	for _, s := range sorted {
		gone := min(max(s.Replicas-s.Available, 0), spare)
		out[s.Name] -= gone
		spare -= gone
	}
	canGo := max(available-least, 0)
	for _, s := range sorted {
		gone := min(out[s.Name], canGo)
		out[s.Name] -= gone
		canGo -= gone
	}
	return out
}

func unchanged(old []Set) map[string]int {
	out := make(map[string]int, len(old))
	for _, s := range old {
		out[s.Name] = s.Replicas
	}
	return out
}

// Proportion spreads a changed total over the sets in the middle of a rollout,
// each by its share, so that scaling during a rollout neither hurries nor undoes
// it. total is the new sum; what rounding leaves over, or is short of, goes to the
// largest sets, of equals to the newest.
//
// A set's share is one of the total that it was last scaled for, and that it
// remembers. So it does not matter if only some of the sets could be written: those
// that were have the right number already.
func Proportion(total int, sets []Set) map[string]int {
	sum, left := 0, total
	for _, s := range sets {
		sum += s.Replicas
	}
	out := unchanged(sets)
	for _, s := range sets {
		if of := cmp.Or(s.Total, sum); of > 0 {
			out[s.Name] = (2*s.Replicas*total + of) / (2 * of) // rounded
		}
		left -= out[s.Name]
	}
	bySize := slices.SortedFunc(slices.Values(sets), func(a, b Set) int {
		return cmp.Or(cmp.Compare(b.Replicas, a.Replicas), cmp.Compare(b.Created, a.Created))
	})
	for _, s := range bySize {
		more := max(left, -out[s.Name])
		out[s.Name] += more
		left -= more
	}
	return out
}
