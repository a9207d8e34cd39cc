package aggregator

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// A verdict is a condition's content.
type verdict struct {
	status          apiregistrationv1.ConditionStatus
	reason, message string
}

func (v verdict) condition() apiregistrationv1.APIServiceCondition {
	return apiregistrationv1.APIServiceCondition{
		Type: apiregistrationv1.Available, Status: v.status, Reason: v.reason, Message: v.message,
		LastTransitionTime: metav1.Now(),
	}
}

// examine finds out whether the backend can be used: first by the objects, then
// by asking it.
func (b *backend) examine(ctx context.Context) apiregistrationv1.APIServiceCondition {
	ref := b.spec.Service
	service, err := typed.Get[*corev1.Service](ctx, b.objects, ref.Namespace, ref.Name)
	if err == nil {
		var all []*discoveryv1.EndpointSlice
		if all, err = typed.List[*discoveryv1.EndpointSlice](ctx, b.objects, ref.Namespace); err == nil {
			if v := judge(service, b.port(), slicesOf(all, ref.Name)); v != nil {
				return v.condition()
			}
		}
	}
	switch {
	case apierrors.IsNotFound(err):
		return verdict{apiregistrationv1.ConditionFalse, "ServiceNotFound",
			fmt.Sprintf("service/%s in %q is not present", ref.Name, ref.Namespace)}.condition()
	case err != nil:
		return verdict{apiregistrationv1.ConditionUnknown, "ServiceAccessError",
			fmt.Sprintf("service/%s in %q cannot be checked due to: %v", ref.Name, ref.Namespace, err)}.condition()
	}
	if err := b.ask(ctx); err != nil {
		return verdict{apiregistrationv1.ConditionFalse, "FailedDiscoveryCheck", err.Error()}.condition()
	}
	return verdict{apiregistrationv1.ConditionTrue, "Passed", "all checks passed"}.condition()
}

// judge says what the objects alone show to be wrong with a Service, or nil. The texts
// are Kubernetes' own.
func judge(service *corev1.Service, port int32, of []*discoveryv1.EndpointSlice) *verdict {
	if service.Spec.Type != corev1.ServiceTypeClusterIP {
		return nil
	}
	no := func(reason, format string, args ...any) *verdict {
		return &verdict{apiregistrationv1.ConditionFalse, reason, fmt.Sprintf(format, args...)}
	}
	name, found := portName(service, port)
	switch {
	case !found:
		return no("ServicePortError", "service/%s in %q is not listening on port %d", service.Name, service.Namespace, port)
	case len(of) == 0:
		return no("EndpointsNotFound", "cannot find endpointslices for service/%s in %q", service.Name, service.Namespace)
	case !slices.ContainsFunc(of, func(s *discoveryv1.EndpointSlice) bool { return len(readyAddresses(s, name)) > 0 }):
		return no("MissingEndpoints", "endpointslices for service/%s in %q have no addresses with port name %q",
			service.Name, service.Namespace, name)
	}
	return nil
}

// setCondition puts a condition in the place of that of its type and reports whether
// it says anything new. The time is that of the last change of the status.
func setCondition(s *apiregistrationv1.APIService, c apiregistrationv1.APIServiceCondition) bool {
	for i := range s.Status.Conditions {
		old := &s.Status.Conditions[i]
		if old.Type != c.Type {
			continue
		}
		if old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
		changed := *old != c
		*old = c
		return changed
	}
	s.Status.Conditions = append(s.Status.Conditions, c)
	return true
}

// portName returns the name of the Service's port with a number.
func portName(service *corev1.Service, number int32) (string, bool) {
	for _, p := range service.Spec.Ports {
		if p.Port == number {
			return p.Name, true
		}
	}
	return "", false
}

func slicesOf(all []*discoveryv1.EndpointSlice, service string) []*discoveryv1.EndpointSlice {
	return slices.DeleteFunc(slices.Clone(all), func(s *discoveryv1.EndpointSlice) bool {
		return s.Labels[discoveryv1.LabelServiceName] != service
	})
}

func isReady(e discoveryv1.Endpoint) bool { return e.Conditions.Ready == nil || *e.Conditions.Ready }

func nameOf(p discoveryv1.EndpointPort) string {
	if p.Name == nil {
		return ""
	}
	return *p.Name
}
