package admission

import (
	"context"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// ingressClassAnnotation named the class before there was a field for it.
const ingressClassAnnotation = "kubernetes.io/ingress.class"

// DefaultIngressClass gives ingresses that name no class the default one: the
// newest of those that are marked as such.
type DefaultIngressClass struct {
	Objects apiserver.Objects
}

// Mutate implements apiserver.Hook.
func (d DefaultIngressClass) Mutate(ctx context.Context, a *apiserver.Admission) error {
	ingress, ok := a.Object.(*networkingv1.Ingress)
	if !ok || !on(a, apiserver.Create) || ingress.Spec.IngressClassName != nil {
		return nil
	}
	if _, named := ingress.Annotations[ingressClassAnnotation]; named {
		return nil
	}
	classes, err := typed.List[*networkingv1.IngressClass](ctx, d.Objects, "")
	if err != nil {
		return err
	}
	if class := newestMarked(classes, networkingv1.AnnotationIsDefaultIngressClass); class != nil {
		name := class.Name
		ingress.Spec.IngressClassName = &name
	}
	return nil
}

// Validate implements apiserver.Hook.
func (DefaultIngressClass) Validate(context.Context, *apiserver.Admission) error { return nil }
