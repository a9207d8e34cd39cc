package deployment

import (
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// A Plan is one step of a Deployment.
type Plan struct {
	// CreateNew says that the set for the template has to be made first.
	CreateNew bool
	// Revision is the number of the new set in the history.
	Revision int64
	// Replicas is what each set is to have, by name.
	Replicas map[string]int
	// Forget are old sets that the history has no room for.
	Forget []*appsv1.ReplicaSet
}

// MakePlan decides the next step, from the Deployment, its ReplicaSets and the
// pods of those.
func MakePlan(d *appsv1.Deployment, sets []*appsv1.ReplicaSet, pods []*corev1.Pod) Plan {
	newSet, old := split(d, sets)
	p := Plan{Revision: nextRevision(newSet, old), Replicas: map[string]int{}}
	for _, rs := range sets {
		p.Replicas[rs.Name] = int(*rs.Spec.Replicas)
	}
	wanted := int(*d.Spec.Replicas)
	switch {
	case d.Spec.Paused || scaledMidway(d, sets):
		p.scale(d, newSet, old)
		if newSet == nil {
			p.Revision = 0
		}
		return p
	case newSet == nil && (d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || gone(old, pods)):
		p.CreateNew = true
		return p
	case d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType:
		p.recreate(wanted, newSet, old, pods)
	default:
		p.roll(wanted, BoundsOf(d), newSet, old)
	}
	if complete(d) {
		p.Forget = forgotten(d, old)
	}
	return p
}

// split tells the set of the current template from the others.
func split(d *appsv1.Deployment, sets []*appsv1.ReplicaSet) (newSet *appsv1.ReplicaSet, old []*appsv1.ReplicaSet) {
	newSet = FindNew(d, sets)
	for _, rs := range sets {
		if rs != newSet {
			old = append(old, rs)
		}
	}
	return newSet, old
}

// recreate ends all old pods before it starts new ones.
func (p *Plan) recreate(wanted int, newSet *appsv1.ReplicaSet, old []*appsv1.ReplicaSet, pods []*corev1.Pod) {
	for _, rs := range old {
		p.Replicas[rs.Name] = 0
	}
	if newSet != nil && gone(old, pods) {
		p.Replicas[newSet.Name] = wanted
	}
}

// gone reports whether no pod of the sets is left that has not ended.
func gone(sets []*appsv1.ReplicaSet, pods []*corev1.Pod) bool {
	for _, rs := range sets {
		for _, pod := range pods {
			for _, ref := range pod.OwnerReferences {
				ended := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
				if ref.UID == rs.UID && !ended {
					return false
				}
			}
		}
	}
	return true
}

func (p *Plan) roll(wanted int, b Bounds, newSet *appsv1.ReplicaSet, old []*appsv1.ReplicaSet) {
	newReplicas, oldReplicas := Roll(wanted, b, summary(newSet), summaries(old))
	p.Replicas[newSet.Name] = newReplicas
	for name, n := range oldReplicas {
		p.Replicas[name] = n
	}
}

// scale gives a changed number of replicas to the sets there are, without
// rolling out anything.
func (p *Plan) scale(d *appsv1.Deployment, newSet *appsv1.ReplicaSet, old []*appsv1.ReplicaSet) {
	wanted := int(*d.Spec.Replicas)
	all := old
	if newSet != nil {
		all = append([]*appsv1.ReplicaSet{newSet}, old...)
	}
	var active []*appsv1.ReplicaSet
	for _, rs := range all {
		if *rs.Spec.Replicas > 0 {
			active = append(active, rs)
		}
	}
	switch {
	case len(active) == 1:
		p.Replicas[active[0].Name] = wanted
	case len(active) == 0 && newSet != nil:
		p.Replicas[newSet.Name] = wanted
	case len(active) == 0 && len(all) > 0:
		p.Replicas[byAge(all)[len(all)-1].Name] = wanted
	case len(active) > 1:
		total := 0
		if wanted > 0 {
			total = wanted + BoundsOf(d).Surge
		}
		for name, n := range Proportion(total, summaries(active)) {
			p.Replicas[name] = n
		}
	}
}

// scaledMidway reports whether the wanted number changed since the sets were
// last scaled: then that comes before the rollout goes on.
func scaledMidway(d *appsv1.Deployment, sets []*appsv1.ReplicaSet) bool {
	for _, rs := range sets {
		if *rs.Spec.Replicas == 0 {
			continue
		}
		desired, err := strconv.Atoi(rs.Annotations[desiredAnnotation])
		if err == nil && desired != int(*d.Spec.Replicas) {
			return true
		}
	}
	return false
}

func summary(rs *appsv1.ReplicaSet) Set {
	return Set{
		Name: rs.Name, Replicas: int(*rs.Spec.Replicas),
		Available: int(rs.Status.AvailableReplicas), Created: rs.CreationTimestamp.UnixNano(),
	}
}

func summaries(sets []*appsv1.ReplicaSet) []Set {
	out := make([]Set, len(sets))
	for i, rs := range sets {
		out[i] = summary(rs)
	}
	return out
}
