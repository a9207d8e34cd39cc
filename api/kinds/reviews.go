package kinds

import (
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// Reviews are questions to the server in the form of objects: who am I, may she
// do this. Creating one asks; the answer is its status. Nothing is stored, so
// there is no list type either.

func tokenReviews() *api.Resource {
	return review(authenticationv1.SchemeGroupVersion.WithKind("TokenReview"), "tokenreviews",
		false, func() api.Object { return &authenticationv1.TokenReview{} })
}

func selfSubjectReviews() *api.Resource {
	return review(authenticationv1.SchemeGroupVersion.WithKind("SelfSubjectReview"), "selfsubjectreviews",
		false, func() api.Object { return &authenticationv1.SelfSubjectReview{} })
}

func subjectAccessReviews() *api.Resource {
	return review(authorizationv1.SchemeGroupVersion.WithKind("SubjectAccessReview"), "subjectaccessreviews",
		false, func() api.Object { return &authorizationv1.SubjectAccessReview{} })
}

func selfSubjectAccessReviews() *api.Resource {
	return review(authorizationv1.SchemeGroupVersion.WithKind("SelfSubjectAccessReview"), "selfsubjectaccessreviews",
		false, func() api.Object { return &authorizationv1.SelfSubjectAccessReview{} })
}

func localSubjectAccessReviews() *api.Resource {
	return review(authorizationv1.SchemeGroupVersion.WithKind("LocalSubjectAccessReview"), "localsubjectaccessreviews",
		true, func() api.Object { return &authorizationv1.LocalSubjectAccessReview{} })
}

func selfSubjectRulesReviews() *api.Resource {
	return review(authorizationv1.SchemeGroupVersion.WithKind("SelfSubjectRulesReview"), "selfsubjectrulesreviews",
		false, func() api.Object { return &authorizationv1.SelfSubjectRulesReview{} })
}

func review(kind schema.GroupVersionKind, plural string, namespaced bool, empty func() api.Object) *api.Resource {
	return &api.Resource{
		GroupVersionKind: kind,
		Plural:           plural,
		Singular:         plural[:len(plural)-1],
		Namespaced:       namespaced,
		New:              empty,
		Virtual:          true,
		Verbs:            []string{"create"},
	}
}
