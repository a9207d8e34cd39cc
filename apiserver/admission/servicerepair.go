package admission

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// Repair brings the claims and the services in line: services without a claim,
// say from the snapshot of another cluster, get theirs, and claims that nobody
// uses go. Call it now and then; nothing depends on it being often. The error
// names services that have the address or port of another.
func (s *ServiceIPs) Repair(ctx context.Context) error {
	services, err := typed.List[*corev1.Service](ctx, s.objects, "")
	if err != nil {
		return err
	}
	err = errors.Join(
		s.ips.repair(ctx, services, addressesOf),
		s.nodePorts.repair(ctx, services, portsOf),
		s.ips.sweep(ctx),
		s.nodePorts.sweep(ctx))
	holders, listed := s.ips.holders(ctx)
	if listed != nil {
		return errors.Join(err, listed)
	}
	return errors.Join(err, s.book.repair(ctx, services, holders))
}

func (c *claims) repair(ctx context.Context, services []*corev1.Service, namesOf func(*corev1.Service) []string) error {
	holders, err := c.holders(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, service := range services {
		for _, name := range namesOf(service) {
			if holders[name] == holderOf(service) {
				continue
			}
			if err := c.claim(ctx, name, holderOf(service)); err != nil {
				errs = append(errs, fmt.Errorf("%s of service %s/%s: %w", name, service.Namespace, service.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}
