package deployment

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
)

// The annotations by which kubectl knows the history.
const (
	revisionAnnotation = "deployment.kubernetes.io/revision"
	historyAnnotation  = "deployment.kubernetes.io/revision-history"
	desiredAnnotation  = "deployment.kubernetes.io/desired-replicas"
	maxAnnotation      = "deployment.kubernetes.io/max-replicas"
	lastApplied        = "kubectl.kubernetes.io/last-applied-configuration"
)

// FindNew returns the set that has the Deployment's template, the oldest if
// there are several, or nil.
func FindNew(d *appsv1.Deployment, sets []*appsv1.ReplicaSet) *appsv1.ReplicaSet {
	for _, rs := range byAge(sets) {
		if sameTemplate(&rs.Spec.Template, &d.Spec.Template) {
			return rs
		}
	}
	return nil
}

// sameTemplate compares two templates but for the label that tells sets apart.
func sameTemplate(a, b *corev1.PodTemplateSpec) bool {
	a, b = a.DeepCopy(), b.DeepCopy()
	delete(a.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	delete(b.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return equality.Semantic.DeepEqual(a, b)
}

// templateHash is a short text that differs for different templates, but for
// rare collisions, which the count then tells apart.
func templateHash(template *corev1.PodTemplateSpec, collisions *int32) string {
	h := fnv.New32a()
	// A template is made of what JSON has: encoding it cannot fail.
	data, _ := json.Marshal(template)
	h.Write(data)
	if collisions != nil {
		fmt.Fprintf(h, "%d", *collisions)
	}
	return rand.SafeEncodeString(fmt.Sprint(h.Sum32()))
}

// NewSet returns the ReplicaSet for the Deployment's template, without replicas.
func NewSet(d *appsv1.Deployment) *appsv1.ReplicaSet {
	hash := templateHash(&d.Spec.Template, d.Status.CollisionCount)
	template := d.Spec.Template.DeepCopy()
	template.Labels = withHash(template.Labels, hash)
	selector := d.Spec.Selector.DeepCopy()
	selector.MatchLabels = withHash(selector.MatchLabels, hash)
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: d.Name + "-" + hash,
			Labels: template.Labels, Annotations: inherited(d),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, kind)},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32), MinReadySeconds: d.Spec.MinReadySeconds,
			Selector: selector, Template: *template,
		},
	}
}

func withHash(labels map[string]string, hash string) map[string]string {
	labels = maps.Clone(labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	return labels
}

// inherited are the annotations that a set takes over from its Deployment.
func inherited(d *appsv1.Deployment) map[string]string {
	out := map[string]string{}
	for k, v := range d.Annotations {
		switch k {
		case revisionAnnotation, historyAnnotation, desiredAnnotation, maxAnnotation, lastApplied:
		default:
			out[k] = v
		}
	}
	return out
}

// inherit gives a set the Deployment's annotations as they are now, such as
// kubernetes.io/change-cause, which people write after the fact. It reports
// whether anything changed.
func inherit(rs *appsv1.ReplicaSet, d *appsv1.Deployment) (changed bool) {
	for k, v := range inherited(d) {
		if was, ok := rs.Annotations[k]; !ok || was != v {
			rs.Annotations[k], changed = v, true
		}
	}
	return changed
}

// maxHistory is how long, in bytes, the list of a set's former revisions gets.
const maxHistory = 2000

// annotate writes into the set's annotations the revision it is and the
// numbers it was scaled by. It reports whether anything changed.
func annotate(rs *appsv1.ReplicaSet, revision int64, desired, most int) bool {
	before := maps.Clone(rs.Annotations)
	if rs.Annotations == nil {
		rs.Annotations = map[string]string{}
	}
	if was := rs.Annotations[revisionAnnotation]; revision > 0 && was != strconv.FormatInt(revision, 10) {
		rs.Annotations[revisionAnnotation] = strconv.FormatInt(revision, 10)
		if was != "" { // It was rolled back to: the numbers it had before are remembered.
			rs.Annotations[historyAnnotation] = longer(rs.Annotations[historyAnnotation], was)
		}
	}
	rs.Annotations[desiredAnnotation] = strconv.Itoa(desired)
	rs.Annotations[maxAnnotation] = strconv.Itoa(most)
	return !maps.Equal(before, rs.Annotations)
}

// longer adds a revision to a list of them, which loses its oldest ones when it
// gets too long.
func longer(history, revision string) string {
	if history != "" {
		history += ","
	}
	history += revision
	for len(history) > maxHistory {
		_, history, _ = strings.Cut(history, ",")
	}
	return history
}

// revisionOf is the number of a set in the history, 0 if it has none.
func revisionOf(obj metav1.Object) int64 {
	n, _ := strconv.ParseInt(obj.GetAnnotations()[revisionAnnotation], 10, 64)
	return n
}

// nextRevision is the number that the new set is to have: the one it has if
// that is the highest, otherwise the next.
func nextRevision(newSet *appsv1.ReplicaSet, old []*appsv1.ReplicaSet) int64 {
	var highest int64
	for _, rs := range old {
		highest = max(highest, revisionOf(rs))
	}
	if newSet != nil && revisionOf(newSet) > highest {
		return revisionOf(newSet)
	}
	return highest + 1
}

// forgotten are the old sets that are more than the Deployment wants to
// remember: those of the lowest revisions, unless they still have pods.
func forgotten(d *appsv1.Deployment, old []*appsv1.ReplicaSet) (out []*appsv1.ReplicaSet) {
	if d.Spec.RevisionHistoryLimit == nil || *d.Spec.RevisionHistoryLimit == math.MaxInt32 {
		return nil
	}
	alive := slices.DeleteFunc(slices.Clone(old), func(rs *appsv1.ReplicaSet) bool { return rs.DeletionTimestamp != nil })
	slices.SortFunc(alive, func(a, b *appsv1.ReplicaSet) int { return cmp.Compare(revisionOf(a), revisionOf(b)) })
	for _, rs := range alive[:max(0, len(alive)-int(*d.Spec.RevisionHistoryLimit))] {
		if empty(rs) {
			out = append(out, rs)
		}
	}
	return out
}

// empty reports whether a set wants no pods, has none, and knows both.
func empty(rs *appsv1.ReplicaSet) bool {
	return *rs.Spec.Replicas == 0 && rs.Status.Replicas == 0 && rs.Status.ObservedGeneration >= rs.Generation
}

func byAge(sets []*appsv1.ReplicaSet) []*appsv1.ReplicaSet {
	return slices.SortedFunc(slices.Values(sets), func(a, b *appsv1.ReplicaSet) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
}
