package kinds

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// A pod that is in order may still not do what its author thinks: a variable is
// there twice, a selector matches nothing. The server tells who creates it, and
// goes on. The texts and their order are Kubernetes' own.

// podWarnings warns of a new pod; who changes one is no person, as a rule.
func podWarnings(pod, old *corev1.Pod) []string {
	if old != nil {
		return nil
	}
	return append(nameWarning(pod.Name, "the Pod's hostname"), warnPod(&pod.ObjectMeta, &pod.Spec, nil)...)
}

// templateWarnings makes the warnings of a kind whose objects make pods of a
// template, which stands at the path: when one is new, and when it has changed.
func templateWarnings[T api.Object](template func(T) *corev1.PodTemplateSpec, path ...string) func(obj, old api.Object) []string {
	at := field.NewPath(path[0], path[1:]...)
	return func(obj, old api.Object) []string {
		t := template(obj.(T))
		if t == nil || old != nil && old.GetGeneration() == obj.GetGeneration() {
			return nil
		}
		return warnPod(&t.ObjectMeta, &t.Spec, at)
	}
}

// withNameWarning warns as well of a name that no pod made of it can have as its
// hostname.
func withNameWarning(warn func(obj, old api.Object) []string) func(obj, old api.Object) []string {
	return func(obj, old api.Object) []string {
		if old != nil {
			return warn(obj, old)
		}
		return append(nameWarning(obj.GetName(), "Pod names and hostnames"), warn(obj, old)...)
	}
}

func nameWarning(name, usedIn string) []string {
	problems := validation.IsDNS1123Label(name)
	if len(problems) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("metadata.name: this is used in %s, which can result in surprising behavior; a DNS label is recommended: %v", usedIn, problems)}
}

// A warner collects what there is to say of one pod.
type warner struct{ said []string }

func (w *warner) say(path *field.Path, format string, args ...any) {
	w.said = append(w.said, path.String()+": "+fmt.Sprintf(format, args...))
}

func warnPod(meta *metav1.ObjectMeta, spec *corev1.PodSpec, path *field.Path) []string {
	w := &warner{}
	at := path.Child("spec")
	for _, key := range sortedKeys(spec.NodeSelector) {
		if detail := oldNodeLabels()[key]; detail != "" {
			w.say(at.Child("nodeSelector").Key(key), "%s", detail)
		}
	}
	w.nodeAffinity(spec, at.Child("affinity", "nodeAffinity"))
	w.spread(spec, at.Child("topologySpreadConstraints"))
	w.annotations(meta, path.Child("metadata", "annotations"))
	twice(spec.HostAliases, func(a corev1.HostAlias) string { return a.IP }, func(i int, ip string) {
		w.say(at.Child("hostAliases").Index(i).Child("ip"), "duplicate ip %q", ip)
	})
	twice(spec.ImagePullSecrets, func(s corev1.LocalObjectReference) string { return s.Name }, func(i int, name string) {
		w.say(at.Child("imagePullSecrets").Index(i).Child("name"), "duplicate name %q", name)
	})
	for i, s := range spec.ImagePullSecrets {
		if s.Name == "" {
			w.say(at.Child("imagePullSecrets").Index(i).Child("name"), `invalid empty name ""`)
		}
	}
	w.fractions(spec.Overhead, at.Child("overhead"))
	all := containersAt(spec, at)
	for _, c := range all {
		w.fractions(c.Resources.Limits, c.path.Child("resources", "limits"))
		w.fractions(c.Resources.Requests, c.path.Child("resources", "requests"))
		w.variables(c.Env, c.path.Child("env"))
	}
	w.ports(all)
	if grace := spec.TerminationGracePeriodSeconds; grace != nil && *grace < 0 {
		w.say(at.Child("terminationGracePeriodSeconds"), "must be >= 0; negative values are invalid and will be treated as 1")
	}
	w.podAffinity(spec, at.Child("affinity"))
	return w.said
}

// twice calls back for the elements whose key an earlier one has.
func twice[T any](list []T, key func(T) string, found func(i int, key string)) {
	for i, item := range list {
		if slices.ContainsFunc(list[:i], func(other T) bool { return key(other) == key(item) }) {
			found(i, key(item))
		}
	}
}

// A placedContainer is a container with its path.
type placedContainer struct {
	*corev1.Container
	path *field.Path
}

func containersAt(spec *corev1.PodSpec, path *field.Path) []placedContainer {
	var all []placedContainer
	for i := range spec.InitContainers {
		all = append(all, placedContainer{&spec.InitContainers[i], path.Child("initContainers").Index(i)})
	}
	for i := range spec.Containers {
		all = append(all, placedContainer{&spec.Containers[i], path.Child("containers").Index(i)})
	}
	return all
}

func (w *warner) nodeAffinity(spec *corev1.PodSpec, path *field.Path) {
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil {
		return
	}
	affinity := spec.Affinity.NodeAffinity
	if required := affinity.RequiredDuringSchedulingIgnoredDuringExecution; required != nil {
		for i, term := range required.NodeSelectorTerms {
			w.nodeTerm(term, false, path.Child("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms").Index(i))
		}
	}
	for i, term := range affinity.PreferredDuringSchedulingIgnoredDuringExecution {
		w.nodeTerm(term.Preference, true, path.Child("preferredDuringSchedulingIgnoredDuringExecution").Index(i).Child("preference"))
	}
}

// nodeTerm warns of labels that are old and, where validation has not refused
// them, of values that no label can have.
func (w *warner) nodeTerm(term corev1.NodeSelectorTerm, values bool, path *field.Path) {
	for i, expression := range term.MatchExpressions {
		at := path.Child("matchExpressions").Index(i)
		if detail := oldNodeLabels()[expression.Key]; detail != "" {
			w.say(at.Child("key"), "%s is %s", expression.Key, detail)
		}
		for k, value := range expression.Values {
			if !values {
				break
			}
			for _, problem := range validation.IsValidLabelValue(value) {
				w.say(at.Child("values").Index(k), "%s is invalid, %s", value, problem)
			}
		}
	}
}

func (w *warner) spread(spec *corev1.PodSpec, path *field.Path) {
	for i, c := range spec.TopologySpreadConstraints {
		if detail := oldNodeLabels()[c.TopologyKey]; detail != "" {
			w.say(path.Index(i).Child("topologyKey"), "%s is %s", c.TopologyKey, detail)
		}
		w.selector(c.LabelSelector, path.Index(i))
	}
}

// selector warns of one that is not there.
func (w *warner) selector(selector *metav1.LabelSelector, path *field.Path) {
	if selector == nil {
		w.say(path.Child("labelSelector"), "a null labelSelector results in matching no pod")
	}
}

func (w *warner) podAffinity(spec *corev1.PodSpec, path *field.Path) {
	if spec.Affinity == nil {
		return
	}
	check := func(required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm, path *field.Path) {
		for i, term := range required {
			w.selector(term.LabelSelector, path.Child("requiredDuringSchedulingIgnoredDuringExecution").Index(i))
		}
		for i, term := range preferred {
			w.selector(term.PodAffinityTerm.LabelSelector,
				path.Child("preferredDuringSchedulingIgnoredDuringExecution").Index(i).Child("podAffinityTerm"))
		}
	}
	if a := spec.Affinity.PodAffinity; a != nil {
		check(a.RequiredDuringSchedulingIgnoredDuringExecution, a.PreferredDuringSchedulingIgnoredDuringExecution, path.Child("podAffinity"))
	}
	if a := spec.Affinity.PodAntiAffinity; a != nil {
		check(a.RequiredDuringSchedulingIgnoredDuringExecution, a.PreferredDuringSchedulingIgnoredDuringExecution, path.Child("podAntiAffinity"))
	}
}

// annotations warns of those that have become fields.
func (w *warner) annotations(meta *metav1.ObjectMeta, path *field.Path) {
	for _, old := range [][2]string{
		{"scheduler.alpha.kubernetes.io/critical-pod", `non-functional in v1.16+; use the "priorityClassName" field instead`},
		{"security.alpha.kubernetes.io/sysctls", `non-functional in v1.11+; use the "sysctls" field instead`},
		{"security.alpha.kubernetes.io/unsafe-sysctls", `non-functional in v1.11+; use the "sysctls" field instead`},
	} {
		if _, found := meta.Annotations[old[0]]; found {
			w.say(path.Key(old[0]), "%s", old[1])
		}
	}
}

// fractions warns of parts of a byte.
func (w *warner) fractions(list corev1.ResourceList, path *field.Path) {
	for _, name := range []corev1.ResourceName{corev1.ResourceMemory, corev1.ResourceEphemeralStorage} {
		if value, found := list[name]; found && value.MilliValue()%1000 != 0 {
			w.say(path.Key(string(name)), "fractional byte value %q is invalid, must be an integer", value.String())
		}
	}
}

// variables warns of one that is set twice, unless the second is made of the first.
func (w *warner) variables(env []corev1.EnvVar, path *field.Path) {
	twice(env, func(e corev1.EnvVar) string { return e.Name }, func(i int, name string) {
		reference := "$(" + name + ")"
		if env[i].ValueFrom != nil || env[i].Value == reference || !strings.Contains(env[i].Value, reference) {
			w.say(path.Index(i), "hides previous definition of %q, which may be dropped when using apply", name)
		}
	})
}

// A placedPort is a port with its path.
type placedPort struct {
	corev1.ContainerPort
	path *field.Path
}

// ports warns of ports of all containers that get in each other's way.
func (w *warner) ports(containers []placedContainer) {
	var all []placedPort
	for _, c := range containers {
		for i, port := range c.Ports {
			this := placedPort{port, c.path.Child("ports").Index(i)}
			if port.HostIP != "" && port.HostPort == 0 {
				w.say(this.path, "hostIP set without hostPort: %+v", port)
			}
			for _, other := range all {
				w.portClash(this, other)
			}
			all = append(all, this)
		}
	}
	names := map[string]*field.Path{}
	for _, port := range all {
		switch first := names[port.Name]; {
		case port.Name == "":
		case first != nil:
			w.say(port.path, "duplicate port name %q with %s, services and probes that select ports by name will use %s", port.Name, first, first)
		default:
			names[port.Name] = port.path
		}
	}
}

func (w *warner) portClash(port, other placedPort) {
	if port.ContainerPort.ContainerPort != other.ContainerPort.ContainerPort || port.Protocol != other.Protocol {
		return
	}
	switch sameHost := port.HostPort == other.HostPort; {
	case sameHost && port.HostIP == other.HostIP:
		w.say(port.path, "duplicate port definition with %s", other.path)
	case port.HostPort == 0 || other.HostPort == 0:
		w.say(port.path, "overlapping port definition with %s", other.path)
	case sameHost && (port.HostIP == "") != (other.HostIP == ""):
		w.say(port.path, "dangerously ambiguous port definition with %s", other.path)
	}
}
