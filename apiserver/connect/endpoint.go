package connect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// servicePort returns the name of the service's port that is asked for by name or
// number; without either it is the only one.
func servicePort(service *corev1.Service, asked string) (string, error) {
	if asked == "" && len(service.Spec.Ports) == 1 {
		return service.Spec.Ports[0].Name, nil
	}
	number, err := strconv.Atoi(asked)
	for _, p := range service.Spec.Ports {
		if asked != "" && p.Name == asked || err == nil && int(p.Port) == number {
			return p.Name, nil
		}
	}
	return "", apierrors.NewServiceUnavailable(fmt.Sprintf("no service port %q found for service %q", asked, service.Name))
}

// pickEndpoint returns the address and port of some ready endpoint.
func pickEndpoint(ctx context.Context, objects apiserver.Objects, service *corev1.Service, portName string) (string, error) {
	slices, err := typed.List[*discoveryv1.EndpointSlice](ctx, objects, service.Namespace)
	if err != nil {
		return "", err
	}
	type choice struct {
		ip   string
		port int
	}
	var choices []choice
	for _, slice := range slices {
		if slice.Labels[discoveryv1.LabelServiceName] != service.Name {
			continue
		}
		port := slicePort(slice, portName)
		if port == 0 {
			continue
		}
		for _, e := range slice.Endpoints {
			if len(e.Addresses) > 0 && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
				choices = append(choices, choice{e.Addresses[0], port})
			}
		}
	}
	if len(choices) == 0 {
		return "", apierrors.NewServiceUnavailable(fmt.Sprintf("no endpoints available for service %q", service.Name))
	}
	picked := choices[rand.IntN(len(choices))]
	return hostPort(picked.ip, picked.port)
}

// slicePort returns the number behind a port's name, or 0.
func slicePort(slice *discoveryv1.EndpointSlice, name string) int {
	for _, p := range slice.Ports {
		if p.Port != nil && (p.Name == nil && name == "" || p.Name != nil && *p.Name == name) {
			return int(*p.Port)
		}
	}
	return 0
}
