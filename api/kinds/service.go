package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// services: a hook of the server allocates cluster addresses and node ports,
// since only it can see all of them, and keeps them through updates that leave
// them out. The rules here judge what a client may ask for.
func services() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Service"),
		Plural:           "services",
		Singular:         "service",
		ShortNames:       []string{"svc"},
		Categories:       []string{"all"},
		Namespaced:       true,
		StorageKey:       "services/specs",
		New:              func() api.Object { return &corev1.Service{} },
		NewList:          func() runtime.Object { return &corev1.ServiceList{} },
		Default:          api.Do(defaultService),
		PrepareCreate:    api.Do(prepareService),
		PrepareUpdate:    api.Pair(func(s, _ *corev1.Service) { prepareService(s) }),
		Validate:         rule(checkService),
		ValidateUpdate:   pairRule(checkServiceUpdate),
		ValidateStatus:   pairRule(checkServiceStatus),
		ValidateName:     validation.NameIsDNSLabel,
		CopyStatus:       api.Pair(func(dst, src *corev1.Service) { dst.Status = src.Status }),
		Subresources: []api.Subresource{{
			Name:             "proxy",
			GroupVersionKind: corev1.SchemeGroupVersion.WithKind("ServiceProxyOptions"),
			Verbs:            []string{"create", "delete", "get", "patch", "update"},
		}},
		DeleteReturnsObject: true,
		CreateOnUpdate:      true,
		FieldNames:          []string{"spec.clusterIP", "spec.type"},
		Fields: api.Value(func(s *corev1.Service) fields.Set {
			return fields.Set{"spec.clusterIP": s.Spec.ClusterIP, "spec.type": string(s.Spec.Type)}
		}),
		Columns: serviceColumns(),
	}
}

// prepareService brings the two fields for addresses in step for clients that
// know only the older, singular one.
func prepareService(s *corev1.Service) {
	if s.Spec.ClusterIP != "" && len(s.Spec.ClusterIPs) == 0 {
		s.Spec.ClusterIPs = []string{s.Spec.ClusterIP}
	}
}
