package admission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// ServiceRange is where the addresses and ports of services come from.
type ServiceRange struct {
	// Addresses is an IPv4 prefix of at least four addresses. The zero value
	// means 10.96.0.0/16.
	Addresses netip.Prefix
	// FirstPort and LastPort bound the node ports. Zeros mean 30000 to 32767.
	FirstPort, LastPort int
}

// ServiceIPs gives services their cluster IPs and node ports. No two services
// ever have the same one, however many requests and servers there are: see
// claims.go. A value is free again as soon as no service uses it.
//
// It is an admission hook. [ServiceIPs.Repair] tidies up behind it.
type ServiceIPs struct {
	objects   apiserver.Objects
	ranges    ServiceRange
	addresses span
	ports     span
	ips       *claims
	nodePorts *claims
	book      addressBook
}

var _ apiserver.Hook = (*ServiceIPs)(nil)

// NewServiceIPs returns an allocator over the ranges.
func NewServiceIPs(objects apiserver.Objects, ranges ServiceRange) (*ServiceIPs, error) {
	if !ranges.Addresses.IsValid() {
		ranges.Addresses = netip.MustParsePrefix("10.96.0.0/16")
	}
	if ranges.FirstPort == 0 && ranges.LastPort == 0 {
		ranges.FirstPort, ranges.LastPort = 30000, 32767
	}
	ranges.Addresses = ranges.Addresses.Masked()
	if err := usable(ranges.Addresses); err != nil {
		return nil, err
	}
	if ranges.FirstPort < 1 || ranges.LastPort > 65535 || ranges.FirstPort > ranges.LastPort {
		return nil, fmt.Errorf("node port range %d-%d: not a range of ports", ranges.FirstPort, ranges.LastPort)
	}
	s := &ServiceIPs{
		objects: objects, ranges: ranges,
		addresses: addresses(ranges.Addresses),
		ports:     ports(ranges.FirstPort, ranges.LastPort),
		book:      addressBook{objects},
	}
	s.ips = newClaims(objects, "serviceips", s.uses(addressesOf))
	s.nodePorts = newClaims(objects, "nodeports", s.uses(portsOf))
	return s, nil
}

// Range returns where the addresses of services come from.
func (s *ServiceIPs) Range() netip.Prefix { return s.ranges.Addresses }

// First returns the address that the service default/kubernetes has.
func (s *ServiceIPs) First() string { return s.addresses.name(0) }

// Mutate implements apiserver.Hook: it allocates what the service does not name
// itself.
func (s *ServiceIPs) Mutate(ctx context.Context, a *apiserver.Admission) error {
	service, ok := a.Object.(*corev1.Service)
	if !ok || !on(a, apiserver.Create, apiserver.Update) {
		return nil
	}
	if old, ok := a.Old.(*corev1.Service); ok {
		carryOver(service, old)
	}
	a.NameObject() // an address tells whose it is
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		return nil
	}
	if err := s.checkFamilies(service); err != nil {
		return err
	}
	if err := s.allocateAddress(ctx, service, a.DryRun); err != nil {
		return err
	}
	return s.allocatePorts(ctx, service, a.DryRun)
}

// Validate implements apiserver.Hook: it claims what the service names itself,
// now that nothing else is wrong with it, and releases what it no longer needs.
func (s *ServiceIPs) Validate(ctx context.Context, a *apiserver.Admission) error {
	if a.Resource.Kind != "Service" || a.Resource.Group != "" || !on(a, apiserver.Create, apiserver.Update, apiserver.Delete) {
		return nil
	}
	service, _ := a.Object.(*corev1.Service)
	old, _ := a.Old.(*corev1.Service)
	if service != nil {
		if errs := s.claimNamed(ctx, service, old, a.DryRun); len(errs) > 0 {
			return apierrors.NewInvalid(a.Resource.GroupVersionKind.GroupKind(), a.Name, errs)
		}
	}
	if old == nil || a.DryRun {
		return nil
	}
	return errors.Join(
		releaseUnused(ctx, s.ips, old, addressesOf(old), addressesOf(service)),
		s.strikeUnused(ctx, old, service),
		releaseUnused(ctx, s.nodePorts, old, portsOf(old), portsOf(service)))
}

// strikeUnused takes out of the book what the service gives up now. One that is
// held back from going still has its address.
func (s *ServiceIPs) strikeUnused(ctx context.Context, old, service *corev1.Service) error {
	if service == nil && len(old.Finalizers) > 0 {
		return nil
	}
	var errs []error
	for _, ip := range without(addressesOf(old), addressesOf(service)) {
		errs = append(errs, s.book.strike(ctx, ip, old))
	}
	return errors.Join(errs...)
}

func releaseUnused(ctx context.Context, c *claims, old *corev1.Service, before, after []string) error {
	var errs []error
	for _, name := range without(before, after) {
		errs = append(errs, c.release(ctx, name, holderOf(old)))
	}
	return errors.Join(errs...)
}

// claimNamed claims what the service has and did not have before. What Mutate
// claimed is the service's already.
func (s *ServiceIPs) claimNamed(ctx context.Context, service, old *corev1.Service, dryRun bool) field.ErrorList {
	var errs field.ErrorList
	spec := field.NewPath("spec")
	for _, ip := range without(addressesOf(service), addressesOf(old)) {
		path := spec.Child("clusterIPs")
		addr, err := netip.ParseAddr(ip)
		if err != nil {
			continue // validation of the kind has said so
		}
		if err := s.getAddress(ctx, addr, service, dryRun); err != nil {
			errs = append(errs, field.Invalid(path, service.Spec.ClusterIPs, fmt.Sprintf("failed to allocate IP %s: %s", ip, explain(err, "IP"))))
		}
	}
	for _, port := range without(portsOf(service), portsOf(old)) {
		path, number := portPath(service, port)
		if number < s.ranges.FirstPort || number > s.ranges.LastPort {
			errs = append(errs, field.Invalid(path, number, fmt.Sprintf(
				"provided port is not in the valid range. The range of valid ports is %d-%d", s.ranges.FirstPort, s.ranges.LastPort)))
			continue
		}
		if err := s.nodePorts.get(ctx, port, holderOf(service), dryRun); err != nil {
			errs = append(errs, field.Invalid(path, number, explain(err, "port")))
		}
	}
	return errs
}

// errNotInRange says that an address is none for services, in Kubernetes' words.
var errNotInRange = errors.New("the provided network does not match the current range")

// getAddress claims an address that the service names and enters it in the book.
func (s *ServiceIPs) getAddress(ctx context.Context, addr netip.Addr, service *corev1.Service, dryRun bool) error {
	ranges, err := s.spans(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(ranges, func(r addressRange) bool { return r.contains(addr) }) {
		return errNotInRange
	}
	ip := addr.String()
	if others, err := s.book.others(ctx, ip); err != nil || others {
		return cmp.Or(err, errTaken)
	}
	if err := s.ips.get(ctx, ip, holderOf(service), dryRun); err != nil || dryRun {
		return err
	}
	return s.book.enter(ctx, ip, service)
}

// get claims a name, or with dryRun only looks whether it could.
func (c *claims) get(ctx context.Context, name, holder string, dryRun bool) error {
	if !dryRun {
		return c.claim(ctx, name, holder)
	}
	holders, err := c.holders(ctx)
	if err == nil && holders[name] != "" && holders[name] != holder {
		err = errTaken
	}
	return err
}

func explain(err error, what string) string {
	if errors.Is(err, errTaken) {
		return "provided " + what + " is already allocated"
	}
	return err.Error()
}

func portPath(service *corev1.Service, port string) (*field.Path, int) {
	number, _ := strconv.Atoi(port)
	for i, p := range service.Spec.Ports {
		if int(p.NodePort) == number {
			return field.NewPath("spec", "ports").Index(i).Child("nodePort"), number
		}
	}
	return field.NewPath("spec", "ports"), number
}

// A holder is a service, by its uid: one of the same name that comes later is
// another.
func holderOf(service *corev1.Service) string {
	return service.Namespace + "/" + service.Name + "/" + string(service.UID)
}

// uses returns how claims ask whether a holder uses a name.
func (s *ServiceIPs) uses(namesOf func(*corev1.Service) []string) func(ctx context.Context, holder, name string) (bool, error) {
	return func(ctx context.Context, holder, name string) (bool, error) {
		object, uid, ok := cutLast(holder)
		if !ok {
			return false, nil
		}
		namespace, serviceName, err := api.SplitKey(object)
		if err != nil {
			return false, nil
		}
		service, err := typed.Get[*corev1.Service](ctx, s.objects, namespace, serviceName)
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil || string(service.UID) != uid {
			return false, err
		}
		return len(without([]string{name}, namesOf(service))) == 0, nil
	}
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndex(s, "/")
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
