package kinds

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// clusterTrustBundles are certificates of authorities that pods may trust.
func clusterTrustBundles() *api.Resource {
	type bundle = *certificatesv1.ClusterTrustBundle
	return &api.Resource{
		GroupVersionKind: certificatesv1.SchemeGroupVersion.WithKind("ClusterTrustBundle"),
		Plural:           "clustertrustbundles",
		Singular:         "clustertrustbundle",
		New:              func() api.Object { return &certificatesv1.ClusterTrustBundle{} },
		NewList:          func() runtime.Object { return &certificatesv1.ClusterTrustBundleList{} },
		// The name depends on the signer.
		ValidateName: func(string, bool) []string { return nil },
		ValidateCreate: rule(func(j *judge, b bundle) {
			checkTrustBundle(j, b)
			checkAnchors(j, b.Spec.TrustBundle, field.NewPath("spec", "trustBundle"))
		}),
		ValidateUpdate: pairRule(func(j *judge, b, old bundle) {
			checkTrustBundle(j, b)
			if b.Spec.TrustBundle != old.Spec.TrustBundle {
				checkAnchors(j, b.Spec.TrustBundle, field.NewPath("spec", "trustBundle"))
			}
			j.unchanged(field.NewPath("spec", "signerName"), b.Spec.SignerName, old.Spec.SignerName)
		}),
		NoUnconditionalUpdate: true,
		FieldNames:            []string{"spec.signerName"},
		Fields:                api.Value(func(b bundle) fields.Set { return fields.Set{"spec.signerName": b.Spec.SignerName} }),
		Columns: table(text("SignerName", certificatesv1.ClusterTrustBundleSpec{}.SwaggerDoc()["signerName"],
			func(b bundle) string { return or(b.Spec.SignerName, none) })),
	}
}

func checkTrustBundle(j *judge, b *certificatesv1.ClusterTrustBundle) {
	j.invalid(field.NewPath("metadata", "name"), b.Name, trustBundleName(b.Name, b.Spec.SignerName)...)
	if b.Spec.SignerName != "" {
		checkSignerName(j, b.Spec.SignerName, field.NewPath("spec", "signerName"))
	}
}

// trustBundleName: a signer's bundles are named after it, and no others are.
func trustBundleName(name, signer string) []string {
	if signer == "" {
		if strings.Contains(name, ":") {
			return []string{`ClusterTrustBundle without signer name must not have ":" in its name`}
		}
		return apivalidation.NameIsDNSSubdomain(name, false)
	}
	prefix := strings.ReplaceAll(signer, "/", ":") + ":"
	rest, found := strings.CutPrefix(name, prefix)
	if !found {
		return []string{fmt.Sprintf("ClusterTrustBundle for signerName %s must be named with prefix %s", signer, prefix)}
	}
	return apivalidation.NameIsDNSSubdomain(rest, false)
}

// maxBundleBytes limits a bundle.
const maxBundleBytes = 1 << 20

func checkAnchors(j *judge, bundle string, path *field.Path) {
	const omitted = "<value omitted>"
	if len(bundle) > maxBundleBytes {
		j.tooLong(path, maxBundleBytes)
		return
	}
	at, bad := map[string][]int{}, false
	var order []string
	for i, rest := 0, []byte(bundle); ; i++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if problem := anchorProblem(block); problem != "" {
			j.invalid(path, omitted, fmt.Sprintf("entry %d %s", i, problem))
			bad = true
			continue
		}
		key := string(block.Bytes)
		if at[key] == nil {
			order = append(order, key)
		}
		at[key] = append(at[key], i)
	}
	if bad {
		return // how many are left says nothing
	}
	if len(order) == 0 {
		j.invalid(path, omitted, "at least one trust anchor must be provided")
	}
	for _, key := range order {
		if len(at[key]) > 1 {
			j.invalid(path, omitted, fmt.Sprintf("duplicate trust anchor (indices %v)", at[key]))
		}
	}
}

func anchorProblem(block *pem.Block) string {
	if block.Type != "CERTIFICATE" {
		return "has bad block type: " + block.Type
	}
	if len(block.Headers) > 0 {
		return "has PEM block headers"
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	switch {
	case err != nil:
		return "does not parse as X.509"
	case !certificate.IsCA:
		return "does not have the CA bit set"
	case !certificate.BasicConstraintsValid:
		return "has invalid basic constraints"
	default:
		return ""
	}
}
