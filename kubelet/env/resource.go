package env

import (
	"fmt"
	"math/big"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Resource returns a request or limit of a container in units of the
// reference's divisor, rounded up. Without a limit it is what the node has for
// pods. The reference may name another container of the pod; c is the default
// and may be nil where it does.
func Resource(pod *corev1.Pod, c *corev1.Container, ref *corev1.ResourceFieldSelector, node corev1.ResourceList) (string, error) {
	if ref.ContainerName != "" {
		if c = find(pod, ref.ContainerName); c == nil {
			return "", fmt.Errorf("there is no container %q", ref.ContainerName)
		}
	}
	if c == nil {
		return "", fmt.Errorf("resource %q names no container", ref.Resource)
	}
	kind, name, ok := strings.Cut(ref.Resource, ".")
	resourceName := corev1.ResourceName(name)
	var quantity resource.Quantity
	switch {
	case ok && kind == "limits":
		var limited bool
		if quantity, limited = c.Resources.Limits[resourceName]; !limited {
			quantity = node[resourceName]
		}
	case ok && kind == "requests":
		quantity = c.Resources.Requests[resourceName]
	default:
		return "", fmt.Errorf("resource %q is neither limits nor requests of something", ref.Resource)
	}
	return divide(quantity, ref.Divisor), nil
}

func find(pod *corev1.Pod, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// divide returns quantity/divisor, rounded up, exactly.
func divide(quantity, divisor resource.Quantity) string {
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	q, d := new(big.Rat), new(big.Rat)
	q.SetString(quantity.AsDec().String())
	d.SetString(divisor.AsDec().String())
	ratio := new(big.Rat).Quo(q, d)
	whole, rest := new(big.Int).DivMod(ratio.Num(), ratio.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		whole.Add(whole, big.NewInt(1))
	}
	return whole.String()
}
