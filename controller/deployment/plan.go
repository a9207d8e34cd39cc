package deployment

import (
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A Plan is one step of a Deployment.
type Plan struct {
	// CreateNew says that the set for the template has to be made first.
	CreateNew bool
	// First is how many replicas a set that is made is to have from the start.
	First int
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
	recreates := d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType
	switch {
	case d.Spec.Paused || scaledMidway(d, sets):
		p.scale(d, newSet, old)
		if newSet == nil {
			p.Revision = 0
		}
	case recreates:
		p.recreate(wanted, newSet, old, pods)
	case newSet == nil:
		p.CreateNew = true
		p.First = growNew(wanted, BoundsOf(d), Set{}, summaries(old))
	default:
		p.roll(wanted, BoundsOf(d), newSet, old)
	}
	if newSet != nil && complete(d) {
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
	switch {
	case !gone(old, pods):
	case newSet == nil:
		p.CreateNew, p.First = true, wanted
	default:
		p.Replicas[newSet.Name] = wanted
	}
}

// gone reports whether the sets are done: none will make a pod any more, and no
// pod of theirs is left that has not ended.
func gone(sets []*appsv1.ReplicaSet, pods []*corev1.Pod) bool {
	theirs := map[types.UID]bool{}
	for _, rs := range sets {
		if !empty(rs) {
			return false
		}
		theirs[rs.UID] = true
	}
	return !slices.ContainsFunc(pods, func(pod *corev1.Pod) bool {
		ref := metav1.GetControllerOfNoCopy(pod)
		ended := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		return ref != nil && theirs[ref.UID] && !ended
	})
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
	case len(active) > 1 && newSet != nil && saturated(newSet, wanted):
		for _, rs := range old {
			p.Replicas[rs.Name] = 0
		}
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

// saturated reports whether a set has all the pods that are wanted, available.
func saturated(rs *appsv1.ReplicaSet, wanted int) bool {
	return int(*rs.Spec.Replicas) == wanted && int(rs.Status.AvailableReplicas) == wanted &&
		rs.Annotations[desiredAnnotation] == strconv.Itoa(wanted)
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
	total, _ := strconv.Atoi(rs.Annotations[maxAnnotation]) // 0 if it is no number
	return Set{
		Total: max(total, 0),

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
