package admission

import (
	"context"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// CertificateRequester writes down in a certificate signing request who asks,
// whatever the request says of that itself: whoever approves it relies on it.
func CertificateRequester() apiserver.Hook {
	return apiserver.MutateFunc(func(_ context.Context, a *apiserver.Admission) error {
		request, ok := a.Object.(*certificatesv1.CertificateSigningRequest)
		if !ok || !on(a, apiserver.Create) {
			return nil
		}
		spec := &request.Spec
		spec.Username, spec.UID, spec.Groups, spec.Extra = "", "", nil, nil
		if a.User == nil {
			return nil
		}
		spec.Username, spec.UID, spec.Groups = a.User.Name, a.User.UID, a.User.Groups
		for key, values := range a.User.Extra {
			if spec.Extra == nil {
				spec.Extra = map[string]certificatesv1.ExtraValue{}
			}
			spec.Extra[key] = values
		}
		return nil
	})
}
