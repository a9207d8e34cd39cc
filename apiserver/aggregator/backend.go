package aggregator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// How often a backend is asked whether it is there: while it is, and while it is
// not; and how long it may take to answer.
const (
	aliveInterval = 30 * time.Second
	retryInterval = time.Second
	askTimeout    = 5 * time.Second
)

// ourselves is who asks a backend for its discovery.
func ourselves() *apiserver.User {
	return &apiserver.User{Name: "system:kube-aggregator", Groups: []string{auth.GroupMasters}}
}

// A backend is the server behind one APIService. It does not change with its
// APIService: another spec makes another backend.
type backend struct {
	*Aggregator
	gv   schema.GroupVersion
	name string // of the APIService
	spec apiregistrationv1.APIServiceSpec
	// bad is why requests cannot be sent at all: a caBundle that is none.
	bad error
	// plain carries requests over HTTP/2 where it can, upgrading those that ask
	// for another protocol, which needs HTTP/1.1.
	plain, upgrading *http.Transport

	available atomic.Bool
	// told is what the backend last told of itself; nil before it did.
	told atomic.Pointer[told]
}

func (a *Aggregator) newBackend(s *apiregistrationv1.APIService) *backend {
	b := &backend{
		Aggregator: a, name: s.Name, spec: *s.Spec.DeepCopy(),
		gv: schema.GroupVersion{Group: s.Spec.Group, Version: s.Spec.Version},
	}
	config := &tls.Config{
		MinVersion:           tls.VersionTLS12,
		ServerName:           s.Spec.Service.Name + "." + s.Spec.Service.Namespace + ".svc",
		InsecureSkipVerify:   s.Spec.InsecureSkipTLSVerify, //nolint:gosec // it is what the APIService says
		GetClientCertificate: a.opts.Certificate,
	}
	if len(s.Spec.CABundle) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(s.Spec.CABundle) {
			b.bad = errors.New("unable to load root certificates: unable to parse bytes as PEM block")
		}
	}
	b.plain = a.transport(config.Clone())
	b.plain.ForceAttemptHTTP2 = true
	config.NextProtos = []string{"http/1.1"}
	b.upgrading = a.transport(config)
	b.upgrading.DisableKeepAlives = true
	// Until we have asked, what the object says holds.
	b.available.Store(isAvailable(s))
	return b
}

func (a *Aggregator) transport(config *tls.Config) *http.Transport {
	return &http.Transport{
		DialContext: a.opts.Dial, TLSClientConfig: config,
		TLSHandshakeTimeout: askTimeout, IdleConnTimeout: 2 * aliveInterval, DisableCompression: true,
	}
}

func isAvailable(s *apiregistrationv1.APIService) bool {
	for _, c := range s.Status.Conditions {
		if c.Type == apiregistrationv1.Available {
			return c.Status == apiregistrationv1.ConditionTrue
		}
	}
	return false
}

// run asks the backend how it is, again and again, until ctx ends.
func (b *backend) run(ctx context.Context) {
	defer b.plain.CloseIdleConnections()
	for {
		condition := b.examine(ctx)
		if ctx.Err() != nil {
			return
		}
		up := condition.Status == apiregistrationv1.ConditionTrue
		b.available.Store(up)
		if err := b.report(ctx, condition); err != nil && ctx.Err() == nil {
			b.opts.Logger.Warn("an APIService's condition cannot be written", "apiservice", b.name, "err", err)
		}
		pause := retryInterval
		if up {
			pause = aliveInterval
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// report writes the condition into the APIService.
func (b *backend) report(ctx context.Context, c apiregistrationv1.APIServiceCondition) error {
	current, err := typed.Get[*apiregistrationv1.APIService](ctx, b.objects, "", b.name)
	if err == nil && !setCondition(current.DeepCopy(), c) {
		return nil
	}
	if err == nil {
		_, err = typed.Modify(ctx, b.status, "", b.name, func(s *apiregistrationv1.APIService) error {
			setCondition(s, c)
			return nil
		})
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// endpoint returns the address of a ready endpoint of the Service, any of them.
func (b *backend) endpoint(ctx context.Context) (string, error) {
	ref, port := b.spec.Service, b.port()
	service, err := typed.Get[*corev1.Service](ctx, b.objects, ref.Namespace, ref.Name)
	if err != nil {
		return "", err
	}
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		return net.JoinHostPort(service.Spec.ExternalName, strconv.Itoa(int(port))), nil
	}
	name, found := portName(service, port)
	if !found {
		return "", fmt.Errorf("no service port %d found for service %q", port, ref.Name)
	}
	list, err := typed.List[*discoveryv1.EndpointSlice](ctx, b.objects, ref.Namespace)
	if err != nil {
		return "", err
	}
	var choices []string
	for _, slice := range slicesOf(list, ref.Name) {
		choices = append(choices, readyAddresses(slice, name)...)
	}
	if len(choices) == 0 {
		return "", fmt.Errorf("no endpoints available for service %q", ref.Name)
	}
	return choices[rand.IntN(len(choices))], nil
}

func (b *backend) port() int32 {
	if b.spec.Service.Port == nil {
		return 443
	}
	return *b.spec.Service.Port
}

// readyAddresses are a slice's, with their port. An address of this machine itself
// is none of a pod's: nobody gets us to talk to our own neighbours.
func readyAddresses(slice *discoveryv1.EndpointSlice, portName string) []string {
	var found []string
	for _, p := range slice.Ports {
		if p.Port == nil || nameOf(p) != portName {
			continue
		}
		for _, e := range slice.Endpoints {
			if !isReady(e) || len(e.Addresses) == 0 {
				continue
			}
			addr, err := netip.ParseAddr(e.Addresses[0])
			if err == nil && !addr.IsLoopback() && !addr.IsUnspecified() && !addr.IsLinkLocalUnicast() && !addr.IsMulticast() {
				found = append(found, net.JoinHostPort(e.Addresses[0], strconv.Itoa(int(*p.Port))))
			}
		}
	}
	return found
}
