package aggregator

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// managedLabel says that an APIService is ours: "onstart" for a group that is always
// there, "true" for one that goes again when its last custom resource does.
const (
	managedLabel   = "kube-aggregator.kubernetes.io/automanaged"
	managedOnStart = "onstart"
	managedAlways  = "true"
)

// settle is how long after a change the local APIServices are looked after once
// more: a group of custom resources appears a moment after its definition.
const settle = time.Second

// keepLocal keeps an APIService for every group version that this server serves.
func (a *Aggregator) keepLocal(ctx context.Context) {
	var again <-chan time.Time
	for {
		select {
		case <-a.kick:
			again = time.After(settle)
		case <-again:
			again = nil
		case <-ctx.Done():
			return
		}
		if err := a.syncLocal(ctx); err != nil && ctx.Err() == nil {
			a.opts.Logger.Warn("the local APIServices are not as they should be", "err", err)
			again = time.After(settle)
		}
	}
}

func (a *Aggregator) syncLocal(ctx context.Context) error {
	have, err := typed.List[*apiregistrationv1.APIService](ctx, a.objects, "")
	if err != nil {
		return err
	}
	byName := map[string]*apiregistrationv1.APIService{}
	for _, s := range have {
		byName[s.Name] = s
	}
	served := a.served()
	for gv := range served {
		if err := a.ensureLocal(ctx, gv, byName[apiServiceName(gv)]); err != nil {
			return err
		}
	}
	for name, s := range byName {
		gv := schema.GroupVersion{Group: s.Spec.Group, Version: s.Spec.Version}
		if s.Labels[managedLabel] == managedAlways && s.Spec.Service == nil && !served[gv] {
			if err := typed.Delete[*apiregistrationv1.APIService](ctx, a.objects, "", name); err != nil {
				return err
			}
		}
	}
	return nil
}

// served are the group versions that this server serves.
func (a *Aggregator) served() map[schema.GroupVersion]bool {
	served := map[schema.GroupVersion]bool{}
	for _, r := range a.opts.Storage.Resources().All() {
		if r.Group != apiregistrationv1.GroupName { // it is what the others are registered with
			served[r.GroupVersion()] = true
		}
	}
	for _, g := range a.opts.Groups {
		served[g.GroupVersion] = true
	}
	return served
}

// ensureLocal makes the APIService of a group version that is served here, or
// marks one as available that is there.
func (a *Aggregator) ensureLocal(ctx context.Context, gv schema.GroupVersion, have *apiregistrationv1.APIService) error {
	want := localAPIService(gv)
	switch {
	case have == nil:
		return typed.Ensure(ctx, a.objects, want, nil)
	case have.Spec.Service != nil || isAvailable(have):
		return nil
	}
	_, err := typed.Modify(ctx, a.status, "", have.Name, func(s *apiregistrationv1.APIService) error {
		setCondition(s, want.Status.Conditions[0])
		return nil
	})
	return err
}

func apiServiceName(gv schema.GroupVersion) string { return gv.Version + "." + gv.Group }

func localAPIService(gv schema.GroupVersion) *apiregistrationv1.APIService {
	p, label := priorityOf(gv)
	return &apiregistrationv1.APIService{
		ObjectMeta: metav1.ObjectMeta{Name: apiServiceName(gv), Labels: map[string]string{managedLabel: label}},
		Spec: apiregistrationv1.APIServiceSpec{
			Group: gv.Group, Version: gv.Version, GroupPriorityMinimum: p.Group, VersionPriority: p.Version,
		},
		Status: apiregistrationv1.APIServiceStatus{Conditions: []apiregistrationv1.APIServiceCondition{verdict{
			apiregistrationv1.ConditionTrue, "Local", "Local APIServices are always available",
		}.condition()}},
	}
}

// priorityOf is where a group and a version stand among the others in discovery,
// and how its APIService is managed.
func priorityOf(gv schema.GroupVersion) (apiserver.Priority, string) {
	if group := groupPriorities()[gv.Group]; group != 0 {
		return apiserver.Priority{Group: group, Version: versionPriority(gv)}, managedOnStart
	}
	for _, r := range kinds.Registry().All() {
		if r.Group == gv.Group {
			return apiserver.Priority{Group: lowestBuiltIn, Version: versionPriority(gv)}, managedOnStart
		}
	}
	if gv.Group == "metrics.k8s.io" {
		return apiserver.Priority{Group: 100, Version: 100}, managedOnStart
	}
	// Every group of custom resources stands behind the built-in ones.
	return apiserver.Priority{Group: 1000, Version: 100}, managedAlways
}

// lowestBuiltIn is the priority of a built-in group that groupPriorities lacks.
const lowestBuiltIn = 15000

func versionPriority(gv schema.GroupVersion) int32 {
	switch gv.String() {
	case "v1":
		return 1
	case "autoscaling/v2":
		return 30
	case "flowcontrol.apiserver.k8s.io/v1", "resource.k8s.io/v1":
		return 21
	}
	return 15
}

// groupPriorities are Kubernetes' own, so that kubectl shows groups in the same
// order and short names mean the same.
func groupPriorities() map[string]int32 {
	return map[string]int32{
		"":                             18000,
		"apps":                         17800,
		"events.k8s.io":                17750,
		"authentication.k8s.io":        17700,
		"authorization.k8s.io":         17600,
		"autoscaling":                  17500,
		"batch":                        17400,
		"certificates.k8s.io":          17300,
		"networking.k8s.io":            17200,
		"policy":                       17100,
		"rbac.authorization.k8s.io":    17000,
		"storage.k8s.io":               16800,
		"apiextensions.k8s.io":         16700,
		"admissionregistration.k8s.io": 16700,
		"scheduling.k8s.io":            16600,
		"coordination.k8s.io":          16500,
		"node.k8s.io":                  16300,
		"discovery.k8s.io":             16200,
		"resource.k8s.io":              16200,
		"flowcontrol.apiserver.k8s.io": 16100,
		"storagemigration.k8s.io":      15800,
	}
}
