package admission_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
)

func TestCertificateRequester(t *testing.T) {
	request := &certificatesv1.CertificateSigningRequest{
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Username: "root", UID: "0", Groups: []string{"system:masters"},
			Extra: map[string]certificatesv1.ExtraValue{"a": {"b"}},
		},
	}
	request.Name = "me"
	hooks := []apiserver.Hook{admission.CertificateRequester()}
	require.NoError(t, admit(t.Context(), hooks, apiserver.Create, request, nil))
	require.Equal(t, certificatesv1.CertificateSigningRequestSpec{Username: "alice"}, request.Spec)
}
