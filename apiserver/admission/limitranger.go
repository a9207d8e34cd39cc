package admission

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	podresource "k8s.io/component-helpers/resource"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// limitRangerAnnotation tells people where a container got its requests from.
const limitRangerAnnotation = "kubernetes.io/limit-ranger"

// LimitRanger holds pods and claims to the limit ranges of their namespace:
// containers that say nothing get the defaults, and who asks for too much or too
// little is refused (https://kubernetes.io/docs/concepts/policy/limit-range/).
type LimitRanger struct {
	Objects apiserver.Objects
}

// Mutate implements apiserver.Hook.
func (l LimitRanger) Mutate(ctx context.Context, a *apiserver.Admission) error {
	pod, ok := a.Object.(*corev1.Pod)
	if !ok || !limited(a) {
		return nil
	}
	ranges, err := typed.List[*corev1.LimitRange](ctx, l.Objects, a.Namespace)
	for _, r := range ranges {
		setDefaults(pod, r)
	}
	return err
}

// Validate implements apiserver.Hook.
func (l LimitRanger) Validate(ctx context.Context, a *apiserver.Admission) error {
	if !limited(a) {
		return nil
	}
	ranges, err := typed.List[*corev1.LimitRange](ctx, l.Objects, a.Namespace)
	if err != nil {
		return err
	}
	for _, r := range ranges {
		var broken []error
		for _, limit := range r.Spec.Limits {
			switch obj := a.Object.(type) {
			case *corev1.Pod:
				broken = append(broken, limitPod(&limit, obj)...)
			case *corev1.PersistentVolumeClaim:
				broken = append(broken, limitClaim(&limit, obj)...)
			}
		}
		if len(broken) > 0 {
			return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, utilerrors.NewAggregate(broken))
		}
	}
	return nil
}

// limited: new pods, those whose containers are resized, and claims. The rest of
// a pod's resources never changes. What is on its way out is let go.
func limited(a *apiserver.Admission) bool {
	if a.Old != nil && a.Old.GetDeletionTimestamp() != nil {
		return false
	}
	switch a.Object.(type) {
	case *corev1.Pod:
		return on(a, apiserver.Create) || a.Operation == apiserver.Update && a.Subresource == "resize"
	case *corev1.PersistentVolumeClaim:
		return on(a, apiserver.Create, apiserver.Update)
	}
	return false
}

// setDefaults gives containers what they do not ask for themselves.
func setDefaults(pod *corev1.Pod, r *corev1.LimitRange) {
	requests, limits := corev1.ResourceList{}, corev1.ResourceList{}
	for _, limit := range r.Spec.Limits {
		if limit.Type == corev1.LimitTypeContainer {
			maps.Copy(requests, limit.DefaultRequest)
			maps.Copy(limits, limit.Default)
		}
	}
	var set []string
	complete := func(kind string, containers []corev1.Container) {
		for i := range containers {
			c := &containers[i]
			set = append(set, fill(&c.Resources.Requests, requests, "request", kind+" "+c.Name)...)
			set = append(set, fill(&c.Resources.Limits, limits, "limit", kind+" "+c.Name)...)
		}
	}
	complete("container", pod.Spec.Containers)
	complete("init container", pod.Spec.InitContainers)
	if len(set) == 0 {
		return
	}
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	pod.Annotations[limitRangerAnnotation] = "LimitRanger plugin set: " + strings.Join(set, "; ")
}

// fill adds the defaults that are missing and says so: "cpu request for container app".
func fill(list *corev1.ResourceList, defaults corev1.ResourceList, what, whose string) []string {
	var added []string
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		if _, ok := (*list)[name]; ok {
			continue
		}
		if *list == nil {
			*list = corev1.ResourceList{}
		}
		(*list)[name] = defaults[name].DeepCopy()
		added = append(added, string(name))
	}
	if len(added) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s %s for %s", strings.Join(added, ", "), what, whose)}
}

func limitPod(limit *corev1.LimitRangeItem, pod *corev1.Pod) (broken []error) {
	switch limit.Type {
	case corev1.LimitTypeContainer:
		for _, c := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
			broken = append(broken, measure(limit, c.Resources.Requests, c.Resources.Limits)...)
		}
	case corev1.LimitTypePod:
		options := podresource.PodResourcesOptions{ExcludeOverhead: true}
		broken = measure(limit, podresource.PodRequests(pod, options), podresource.PodLimits(pod, options))
	}
	return broken
}

// measure compares what is asked for with one item of a limit range.
func measure(limit *corev1.LimitRangeItem, requests, limits corev1.ResourceList) (broken []error) {
	add := func(err error) {
		if err != nil {
			broken = append(broken, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(limit.Min)) {
		add(atLeast(limit.Type, name, limit.Min[name], requests, limits))
	}
	for _, name := range slices.Sorted(maps.Keys(limit.Max)) {
		add(atMost(limit.Type, name, limit.Max[name], requests, limits))
	}
	for _, name := range slices.Sorted(maps.Keys(limit.MaxLimitRequestRatio)) {
		add(withinRatio(limit.Type, name, limit.MaxLimitRequestRatio[name], requests[name], limits[name]))
	}
	return broken
}

func atLeast(of corev1.LimitType, name corev1.ResourceName, least resource.Quantity, requests, limits corev1.ResourceList) error {
	request, asked := requests[name]
	limit, capped := limits[name]
	start := fmt.Sprintf("minimum %s usage per %s is %s", name, of, least.String())
	switch {
	case !asked:
		return fmt.Errorf("%s.  No request is specified", start)
	case request.Cmp(least) < 0:
		return fmt.Errorf("%s, but request is %s", start, request.String())
	case capped && limit.Cmp(least) < 0:
		return fmt.Errorf("%s, but limit is %s", start, limit.String())
	}
	return nil
}

func atMost(of corev1.LimitType, name corev1.ResourceName, most resource.Quantity, requests, limits corev1.ResourceList) error {
	request, asked := requests[name]
	limit, capped := limits[name]
	start := fmt.Sprintf("maximum %s usage per %s is %s", name, of, most.String())
	switch {
	case !capped:
		return fmt.Errorf("%s.  No limit is specified", start)
	case limit.Cmp(most) > 0:
		return fmt.Errorf("%s, but limit is %s", start, limit.String())
	case asked && request.Cmp(most) > 0:
		return fmt.Errorf("%s, but request is %s", start, request.String())
	}
	return nil
}

// withinRatio holds a limit to a multiple of its request.
func withinRatio(of corev1.LimitType, name corev1.ResourceName, most, request, limit resource.Quantity) error {
	start := fmt.Sprintf("%s max limit to request ratio per %s is %s", name, of, most.String())
	switch {
	case request.IsZero():
		return fmt.Errorf("%s, but no request is specified or request is 0", start)
	case limit.IsZero():
		return fmt.Errorf("%s, but no limit is specified or limit is 0", start)
	}
	ratio := limit.AsApproximateFloat64() / request.AsApproximateFloat64()
	if ratio > most.AsApproximateFloat64() {
		return fmt.Errorf("%s, but provided ratio is %f", start, ratio)
	}
	return nil
}

// limitClaim looks at the storage a claim requests; claims have no limits.
func limitClaim(limit *corev1.LimitRangeItem, claim *corev1.PersistentVolumeClaim) (broken []error) {
	if limit.Type != corev1.LimitTypePersistentVolumeClaim {
		return nil
	}
	requests := claim.Spec.Resources.Requests
	for _, name := range slices.Sorted(maps.Keys(limit.Min)) {
		if err := atLeast(limit.Type, name, limit.Min[name], requests, nil); err != nil {
			broken = append(broken, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(limit.Max)) {
		most, request := limit.Max[name], requests[name]
		start := fmt.Sprintf("maximum %s usage per %s is %s", name, limit.Type, most.String())
		if _, asked := requests[name]; !asked {
			broken = append(broken, fmt.Errorf("%s.  No request is specified", start))
		} else if request.Cmp(most) > 0 {
			broken = append(broken, fmt.Errorf("%s, but request is %s", start, request.String()))
		}
	}
	return broken
}
