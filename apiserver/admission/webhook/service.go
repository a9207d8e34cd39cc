package webhook

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// A service leads each request to some ready endpoint of a service. The URL and the
// server's certificate name the service, whichever endpoint answers.
type service struct {
	objects apiserver.Objects
	ref     *admissionregistrationv1.ServiceReference
	next    *http.Transport
}

func (s service) host() string { return s.ref.Name + "." + s.ref.Namespace + ".svc" }

func (s service) port() int32 {
	if s.ref.Port == nil {
		return 443
	}
	return *s.ref.Port
}

// RoundTrip implements http.RoundTripper.
func (s service) RoundTrip(r *http.Request) (*http.Response, error) {
	address, err := s.endpoint(r.Context())
	if err != nil {
		return nil, err
	}
	to := r.Clone(r.Context())
	to.Host, to.URL.Host = r.URL.Host, address
	return s.next.RoundTrip(to)
}

// endpoint returns the address of a ready endpoint, any of them.
func (s service) endpoint(ctx context.Context) (string, error) {
	found, err := typed.Get[*corev1.Service](ctx, s.objects, s.ref.Namespace, s.ref.Name)
	if apierrors.IsNotFound(err) {
		err = fmt.Errorf("service %q not found", s.ref.Name)
	}
	if err != nil {
		return "", err
	}
	port := strconv.Itoa(int(s.port()))
	if found.Spec.Type == corev1.ServiceTypeExternalName {
		return net.JoinHostPort(found.Spec.ExternalName, port), nil
	}
	i := slices.IndexFunc(found.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == s.port() })
	if i < 0 {
		return "", fmt.Errorf("no service port %s found for service %q", port, s.ref.Name)
	}
	all, err := typed.List[*discoveryv1.EndpointSlice](ctx, s.objects, s.ref.Namespace)
	if err != nil {
		return "", err
	}
	var choices []string
	for _, slice := range all {
		if slice.Labels[discoveryv1.LabelServiceName] == s.ref.Name {
			choices = append(choices, ready(slice, found.Spec.Ports[i].Name)...)
		}
	}
	if len(choices) == 0 {
		return "", fmt.Errorf("no endpoints available for service %q", s.ref.Name)
	}
	return choices[rand.IntN(len(choices))], nil
}

// ready returns the addresses of a slice's ready endpoints, with the port of the
// name.
func ready(slice *discoveryv1.EndpointSlice, portName string) []string {
	var addresses []string
	for _, p := range slice.Ports {
		if p.Port == nil || p.Name == nil && portName != "" || p.Name != nil && *p.Name != portName {
			continue
		}
		for _, e := range slice.Endpoints {
			if len(e.Addresses) > 0 && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
				addresses = append(addresses, net.JoinHostPort(e.Addresses[0], strconv.Itoa(int(*p.Port))))
			}
		}
	}
	return addresses
}
