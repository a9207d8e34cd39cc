package crd

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// judged returns the resource of definitions with the rules of this package.
func judged(r *api.Resource) *api.Resource {
	with := *r
	with.UpdateAlone = true
	with.Validate = api.Check(func(d *definition) field.ErrorList { return judgeDefinition(d, nil) })
	with.ValidateUpdate = api.CheckPair(judgeDefinition)
	with.Warnings = func(obj, old api.Object) []string { return freshWarnings(obj, old) }
	with.ValidateStatus = api.CheckPair(func(d, _ *definition) field.ErrorList {
		return judgeNames(&d.Status.AcceptedNames, field.NewPath("status", "acceptedNames"))
	})
	return &with
}

// judgeDefinition validates a definition that is to replace old, which is nil
// for a new one. Schemas that old has as well have been judged before.
//
// Paths in its errors are those that Kubernetes gives, which come from a form of
// definitions in which everything that all versions have in common stands above them.
func judgeDefinition(d, old *definition) field.ErrorList {
	spec := &apiextensions.CustomResourceDefinitionSpec{}
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinitionSpec_To_apiextensions_CustomResourceDefinitionSpec(&d.Spec, spec, nil); err != nil {
		return field.ErrorList{field.Invalid(field.NewPath("spec"), nil, err.Error())}
	}
	var errs field.ErrorList
	if wanted := d.Spec.Names.Plural + "." + d.Spec.Group; old == nil && d.Name != wanted {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), d.Name, `must be spec.names.plural+"."+spec.group`))
	}
	errs = append(errs, judgeSpec(d, old, spec)...)
	if old != nil {
		// Metadata is judged again, as in Kubernetes.
		errs = append(errs, apivalidation.ValidateObjectMetaAccessorUpdate(d, old, field.NewPath("metadata"))...)
		errs = append(errs, judgeImmutable(d, old)...)
	}
	errs = append(errs, judgeNames(&d.Status.AcceptedNames, field.NewPath("status", "acceptedNames"))...)
	errs = append(errs, judgeStoredVersions(d)...)
	errs = append(errs, judgeAnnotation(d, old)...)
	if d.Spec.PreserveUnknownFields && (old == nil || !old.Spec.PreserveUnknownFields) {
		errs = append(errs, field.Invalid(field.NewPath("spec", "preserveUnknownFields"), true,
			"cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"))
	}
	return errs
}

func judgeSpec(d, old *definition, spec *apiextensions.CustomResourceDefinitionSpec) field.ErrorList {
	path := field.NewPath("spec")
	errs := judgeGroup(spec.Group, path.Child("group"))
	errs = append(errs, judgeEnum(string(spec.Scope), path.Child("scope"), "Cluster", "Namespaced")...)
	errs = append(errs, judgeSchemasThere(spec, path.Child("versions"))...)
	if d.Spec.PreserveUnknownFields && hasDefaults(d) {
		errs = append(errs, field.Invalid(path.Child("preserveUnknownFields"), true, "must be false in order to use defaults in the schema"))
	}
	storage, seen, unique := 0, map[string]bool{}, true
	for i, v := range spec.Versions {
		at := path.Child("versions").Index(i)
		if v.Storage {
			storage++
		}
		unique = unique && !seen[v.Name]
		seen[v.Name] = true
		if problems := validation.IsDNS1035Label(v.Name); len(problems) > 0 {
			errs = append(errs, field.Invalid(at.Child("name"), v.Name, strings.Join(problems, ",")))
		}
		errs = append(errs, judgeDeprecation(&v, at.Child("deprecationWarning"))...)
		errs = append(errs, judgeSubresources(v.Subresources, at.Child("subresources"))...)
		errs = append(errs, judgeColumns(v.AdditionalPrinterColumns, at.Child("additionalPrinterColumns"))...)
	}
	for _, p := range schemasOf(d, spec) {
		if !p.sameAs(old) {
			errs = append(errs, p.judge()...)
		}
	}
	if !unique {
		errs = append(errs, field.Invalid(path.Child("versions"), spec.Versions, "must contain unique version names"))
	}
	if storage != 1 {
		errs = append(errs, field.Invalid(path.Child("versions"), spec.Versions, "must have exactly one version marked as storage version"))
	}
	if problems := validation.IsDNS1035Label(spec.Version); spec.Version != "" && len(problems) > 0 {
		errs = append(errs, field.Invalid(path.Child("version"), spec.Version, strings.Join(problems, ",")))
	}
	errs = append(errs, judgeNamesThere(&d.Spec.Names, path.Child("names"))...)
	errs = append(errs, judgeNames(&d.Spec.Names, path.Child("names"))...)
	errs = append(errs, judgeSubresources(spec.Subresources, path.Child("subresources"))...)
	errs = append(errs, judgeColumns(spec.AdditionalPrinterColumns, path.Child("additionalPrinterColumns"))...)
	return append(errs, judgeConversion(d, old, path.Child("conversion"))...)
}

func judgeGroup(group string, path *field.Path) field.ErrorList {
	switch problems := validation.IsDNS1123Subdomain(group); {
	case group == "":
		return field.ErrorList{field.Required(path, "")}
	case len(problems) > 0:
		return field.ErrorList{field.Invalid(path, group, strings.Join(problems, ","))}
	case !strings.Contains(group, "."):
		return field.ErrorList{field.Invalid(path, group, "should be a domain with at least one dot")}
	default:
		return nil
	}
}

func judgeEnum(value string, path *field.Path, accepted ...string) field.ErrorList {
	switch {
	case value == "":
		return field.ErrorList{field.Required(path, "")}
	case !slices.Contains(accepted, value):
		return field.ErrorList{field.NotSupported(path, value, accepted)}
	default:
		return nil
	}
}

// judgeSchemasThere asks for a schema of each version.
func judgeSchemasThere(spec *apiextensions.CustomResourceDefinitionSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if spec.Validation != nil && spec.Validation.OpenAPIV3Schema != nil {
		return nil
	}
	for i, v := range spec.Versions {
		if v.Schema == nil || v.Schema.OpenAPIV3Schema == nil {
			errs = append(errs, field.Required(path.Index(i).Child("schema", "openAPIV3Schema"), ""))
		}
	}
	return errs
}

// judgeImmutable refuses changes of what objects are stored by.
func judgeImmutable(d, old *definition) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("spec")
	if isTrue(old, apiextensionsv1.Established) {
		errs = append(errs, apivalidation.ValidateImmutableField(d.Spec.Scope, old.Spec.Scope, path.Child("scope"))...)
		errs = append(errs, apivalidation.ValidateImmutableField(d.Spec.Names.Kind, old.Spec.Names.Kind, path.Child("names", "kind"))...)
	}
	errs = append(errs, apivalidation.ValidateImmutableField(d.Spec.Group, old.Spec.Group, path.Child("group"))...)
	return append(errs, apivalidation.ValidateImmutableField(d.Spec.Names.Plural, old.Spec.Names.Plural, path.Child("names", "plural"))...)
}

// judgeStoredVersions makes sure that no version is forgotten in which objects may be stored.
func judgeStoredVersions(d *definition) field.ErrorList {
	path, stored := field.NewPath("status", "storedVersions"), d.Status.StoredVersions
	if len(stored) == 0 {
		return field.ErrorList{field.Invalid(path, stored, "must have at least one stored version")}
	}
	var errs field.ErrorList
	for _, v := range d.Spec.Versions {
		if v.Storage && !slices.Contains(stored, v.Name) {
			errs = append(errs, field.Invalid(path, stored, "must have the storage version "+v.Name))
		}
	}
	for i, name := range stored {
		if !slices.ContainsFunc(d.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Name == name }) {
			errs = append(errs, field.Invalid(path.Index(i), name, fmt.Sprintf("missing from spec.versions; %[1]s was previously a storage version, "+
				"and must remain in spec.versions until a storage migration ensures no data remains persisted in %[1]s and removes %[1]s from status.storedVersions", name)))
		}
	}
	return errs
}

// judgeAnnotation asks for the approval of a kind in a protected group, unless
// it was missing before.
func judgeAnnotation(d, old *definition) field.ErrorList {
	if !protected(d.Spec.Group) {
		return nil
	}
	reason, text := approval(d.Annotations)
	if old != nil {
		if before, _ := approval(old.Annotations); before == reason {
			return nil
		}
	}
	path := field.NewPath("metadata", "annotations").Key(apiextensionsv1.KubeAPIApprovedAnnotation)
	switch reason {
	case "MissingAnnotation":
		return field.ErrorList{field.Required(path, text)}
	case "InvalidAnnotation":
		return field.ErrorList{field.Invalid(path, d.Annotations[apiextensionsv1.KubeAPIApprovedAnnotation], text)}
	default:
		return nil
	}
}

// sameSchema says whether two versions have the same schema and treat the status alike.
func sameSchema(a, b *apiextensionsv1.CustomResourceDefinitionVersion) bool {
	return equality.Semantic.DeepEqual(a.Schema, b.Schema) && hasStatus(a) == hasStatus(b) &&
		equality.Semantic.DeepEqual(a.SelectableFields, b.SelectableFields)
}

func hasStatus(v *apiextensionsv1.CustomResourceDefinitionVersion) bool {
	return v.Subresources != nil && v.Subresources.Status != nil
}

// freshWarnings are those of a definition that its old state did not deserve.
func freshWarnings(obj, old api.Object) []string {
	warnings := formatWarnings(obj.(*definition))
	if old == nil {
		return warnings
	}
	before := formatWarnings(old.(*definition))
	return slices.DeleteFunc(warnings, func(text string) bool { return slices.Contains(before, text) })
}
