package kinds

import (
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

func serviceAccounts() *api.Resource {
	return &api.Resource{
		GroupVersionKind:    corev1.SchemeGroupVersion.WithKind("ServiceAccount"),
		Plural:              "serviceaccounts",
		Singular:            "serviceaccount",
		ShortNames:          []string{"sa"},
		Namespaced:          true,
		New:                 func() api.Object { return &corev1.ServiceAccount{} },
		NewList:             func() runtime.Object { return &corev1.ServiceAccountList{} },
		DeleteReturnsObject: true,
		Subresources: []api.Subresource{{
			Name:             "token",
			GroupVersionKind: authenticationv1.SchemeGroupVersion.WithKind("TokenRequest"),
			Verbs:            []string{"create"},
		}},
		Columns: table(api.AgeColumn()),
	}
}
