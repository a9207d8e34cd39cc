package connect

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/internal/body"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// binding gives a pod its node: the scheduler's verdict, once and for all. It
// serves pods/binding, and the older collection bindings, in which the pod is
// named by the object.
type binding struct{ objects apiserver.Objects }

// ServeConnect implements apiserver.Connector.
func (b binding) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	wanted := &corev1.Binding{}
	if err := body.Read(r, wanted); err != nil {
		return err
	}
	name := c.Name
	if name == "" {
		name = wanted.Name
	}
	if err := checkBinding(wanted, name, c.Namespace); err != nil {
		return err
	}
	if err := c.Admit(wanted); err != nil {
		return err
	}
	topology, err := b.topology(r.Context(), wanted.Target.Name)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("dryRun") == metav1.DryRunAll {
		pod, err := typed.Get[*corev1.Pod](r.Context(), b.objects, c.Namespace, name)
		if err == nil {
			err = bind(pod.DeepCopy(), wanted, topology)
		}
		if err != nil {
			return err
		}
		return success(w, r)
	}
	_, err = typed.Modify(r.Context(), b.objects, c.Namespace, name, func(pod *corev1.Pod) error {
		return bind(pod, wanted, topology)
	})
	if err != nil {
		return err
	}
	return success(w, r)
}

func checkBinding(wanted *corev1.Binding, name, namespace string) error {
	if wanted.Name != "" && wanted.Name != name {
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", wanted.Name, name))
	}
	if wanted.Namespace != "" && wanted.Namespace != namespace {
		return apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
	}
	var errs field.ErrorList
	path := field.NewPath("target")
	if kind := wanted.Target.Kind; kind != "" && kind != "Node" {
		errs = append(errs, field.NotSupported(path.Child("kind"), kind, []string{"Node", "<empty>"}))
	}
	if wanted.Target.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), ""))
	}
	if name == "" {
		errs = append(errs, field.Required(field.NewPath("metadata", "name"), ""))
	}
	if len(errs) > 0 {
		return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Binding").GroupKind(), name, errs)
	}
	return nil
}

// topology returns the labels that say where a node is, which its pods get too
// (KEP-4742). A node that is not registered has none.
func (b binding) topology(ctx context.Context, name string) (map[string]string, error) {
	node, err := typed.Get[*corev1.Node](ctx, b.objects, "", name)
	if err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, err
	}
	labels := map[string]string{}
	for _, key := range []string{corev1.LabelTopologyZone, corev1.LabelTopologyRegion} {
		if value, ok := node.Labels[key]; ok {
			labels[key] = value
		}
	}
	return labels, nil
}

// bind changes the pod in place, or says why it cannot be bound.
func bind(pod *corev1.Pod, wanted *corev1.Binding, topology map[string]string) error {
	conflict := func(format string, args ...any) error {
		return apierrors.NewConflict(corev1.Resource("pods/binding"), pod.Name, fmt.Errorf(format, args...))
	}
	switch {
	case wanted.UID != "" && wanted.UID != pod.UID:
		return conflict("Precondition failed: UID in precondition: %v, UID in object meta: %v", wanted.UID, pod.UID)
	case wanted.ResourceVersion != "" && wanted.ResourceVersion != pod.ResourceVersion:
		return conflict("Precondition failed: ResourceVersion in precondition: %v, ResourceVersion in object meta: %v", wanted.ResourceVersion, pod.ResourceVersion)
	case pod.DeletionTimestamp != nil:
		return conflict("pod %s is being deleted, cannot be assigned to a host", pod.Name)
	case pod.Spec.NodeName != "":
		return conflict("pod %s is already assigned to node %q", pod.Name, pod.Spec.NodeName)
	case len(pod.Spec.SchedulingGates) > 0:
		return conflict("pod %s has non-empty .spec.schedulingGates", pod.Name)
	}
	pod.Spec.NodeName = wanted.Target.Name
	pod.Labels = merged(pod.Labels, wanted.Labels, topology)
	pod.Annotations = merged(pod.Annotations, wanted.Annotations)
	pod.Status.NominatedNodeName = ""
	setCondition(pod, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue})
	return nil
}

func merged(into map[string]string, more ...map[string]string) map[string]string {
	for _, m := range more {
		if len(m) > 0 && into == nil {
			into = map[string]string{}
		}
		maps.Copy(into, m)
	}
	return into
}

// setCondition adds or replaces a condition; the time is that of the last
// change of its status.
func setCondition(pod *corev1.Pod, c corev1.PodCondition) {
	c.LastTransitionTime = metav1.Now()
	i := slices.IndexFunc(pod.Status.Conditions, func(have corev1.PodCondition) bool { return have.Type == c.Type })
	if i < 0 {
		pod.Status.Conditions = append(pod.Status.Conditions, c)
		return
	}
	if pod.Status.Conditions[i].Status == c.Status {
		c.LastTransitionTime = pod.Status.Conditions[i].LastTransitionTime
	}
	pod.Status.Conditions[i] = c
}

// success answers 201 with a Status, as these subresources create nothing that
// could be shown.
func success(w http.ResponseWriter, r *http.Request) error {
	return body.Write(w, r, api.Codecs(), http.StatusCreated, &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusSuccess, Code: http.StatusCreated,
	})
}
