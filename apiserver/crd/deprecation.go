package crd

import (
	"fmt"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/version"
)

// deprecation returns the warning that comes with a version, if any: the
// definition's own, or one that names the best version to use instead.
func deprecation(d *definition, v *apiextensionsv1.CustomResourceDefinitionVersion) string {
	switch {
	case !v.Deprecated:
		return ""
	case v.DeprecationWarning != nil:
		return *v.DeprecationWarning
	}
	named := func(version string) string {
		return fmt.Sprintf("%s/%s %s", d.Spec.Group, version, d.Spec.Names.Kind)
	}
	var better []string
	for _, other := range d.Spec.Versions {
		if other.Served && !other.Deprecated && version.CompareKubeAwareVersionStrings(v.Name, other.Name) < 0 {
			better = append(better, other.Name)
		}
	}
	text := named(v.Name) + " is deprecated"
	if len(better) > 0 {
		text += "; use " + named(slices.MaxFunc(better, version.CompareKubeAwareVersionStrings))
	}
	return text
}
