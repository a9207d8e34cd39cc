package crd

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// A placedSchema is a schema of a definition with where it stands: the one that
// all versions share, or that of one.
type placedSchema struct {
	schema     *apiextensions.JSONSchemaProps
	path       *field.Path // of what holds openAPIV3Schema
	status     bool        // there is a status subresource
	versions   []*apiextensionsv1.CustomResourceDefinitionVersion
	selectable []apiextensions.SelectableField
	fieldsAt   *field.Path
}

// schemasOf finds the schemas of a definition.
func schemasOf(d *definition, spec *apiextensions.CustomResourceDefinitionSpec) []placedSchema {
	var found []placedSchema
	path := field.NewPath("spec")
	if spec.Validation != nil && spec.Validation.OpenAPIV3Schema != nil {
		shared := placedSchema{
			schema: spec.Validation.OpenAPIV3Schema, path: path.Child("validation"),
			selectable: spec.SelectableFields, fieldsAt: path.Child("selectableFields"),
		}
		for i := range d.Spec.Versions {
			shared.versions = append(shared.versions, &d.Spec.Versions[i])
			shared.status = shared.status || hasStatus(&d.Spec.Versions[i])
		}
		return append(found, shared)
	}
	for i, v := range spec.Versions {
		at := path.Child("versions").Index(i)
		if v.Schema != nil && v.Schema.OpenAPIV3Schema != nil {
			found = append(found, placedSchema{
				schema: v.Schema.OpenAPIV3Schema, path: at.Child("schema"), status: hasStatus(&d.Spec.Versions[i]),
				versions:   []*apiextensionsv1.CustomResourceDefinitionVersion{&d.Spec.Versions[i]},
				selectable: v.SelectableFields, fieldsAt: at.Child("selectableFields"),
			})
		}
	}
	return found
}

// sameAs says whether old has the schema in all its versions, and so has been judged.
func (p *placedSchema) sameAs(old *definition) bool {
	if old == nil {
		return false
	}
	for _, v := range p.versions {
		same := func(o apiextensionsv1.CustomResourceDefinitionVersion) bool {
			return o.Name == v.Name && sameSchema(&o, v)
		}
		if !slices.ContainsFunc(old.Spec.Versions, same) {
			return false
		}
	}
	return true
}

// judge validates the schema: that it is structural, that its defaults fit it,
// that nothing is in it that custom resources do not have, and that its rules
// compile and are cheap enough.
func (p *placedSchema) judge() field.ErrorList {
	path := p.path.Child("openAPIV3Schema")
	errs := p.judgeRoot(path)
	structural, err := structuralschema.NewStructural(p.schema)
	sound := false
	if err == nil {
		problems := structuralschema.ValidateStructural(path, structural)
		if len(problems) == 0 {
			if problems, err = defaulting.ValidateDefaults(context.Background(), path, structural, true, true); err != nil {
				problems = field.ErrorList{field.Invalid(path, "", err.Error())}
				err = nil
			}
		}
		sound = len(problems) == 0
		errs = append(errs, problems...)
	}
	w := &walker{rules: sound}
	w.walk(p.schema, spot{path: path, root: true, cardinality: one()})
	errs = append(errs, w.errs...)
	errs = append(errs, w.ruleErrs...)
	if len(errs) == 0 && err != nil {
		errs = append(errs, field.Invalid(path, "", err.Error()))
	}
	errs = append(errs, w.cost.judge(path)...)
	if len(errs) == 0 {
		if _, _, err := validation.NewSchemaValidator(p.schema); err != nil {
			errs = append(errs, field.Invalid(p.path, "", fmt.Sprintf("error building validator: %v", err)))
		}
	}
	if structural != nil {
		errs = append(errs, p.judgeSelectable(structural)...)
	}
	return errs
}

// rootFields are the parts of a schema that say nothing of the status, which is
// taken out and judged alone.
var rootFields = []string{
	"Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum", "MaxLength", "MinLength",
	"Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items", "Properties", "ExternalDocs", "Example",
	"XPreserveUnknownFields", "XValidations",
}

func (p *placedSchema) judgeRoot(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	v := reflect.ValueOf(p.schema).Elem()
	for i := 0; p.status && i < v.NumField(); i++ {
		name := v.Type().Field(i).Name
		switch {
		case v.Field(i).IsZero():
		case name == "Type" && p.schema.Type != "object":
			errs = append(errs, field.Invalid(p.path.Child("openAPIV3Schema.type"), p.schema.Type,
				`only "object" is allowed as the type at the root of the schema if the status subresource is enabled`))
		case !slices.Contains(rootFields, name):
			errs = append(errs, field.Invalid(path, p.schema,
				fmt.Sprintf("only %v fields are allowed at the root of the schema if the status subresource is enabled", rootFields)))
		}
	}
	if p.schema.Nullable {
		errs = append(errs, field.Forbidden(p.path.Child("openAPIV3Schema.nullable"), "nullable cannot be true at the root"))
	}
	return errs
}

// maxSelectable is how many fields of a kind can be selected by.
const maxSelectable = 8

func (p *placedSchema) judgeSelectable(structural *structuralschema.Structural) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, f := range p.selectable {
		at := p.fieldsAt.Index(i).Child("jsonPath")
		if f.JSONPath == "" {
			errs = append(errs, field.Required(at, ""))
			continue
		}
		path, schema, err := cel.ValidFieldPath(f.JSONPath, structural, cel.WithFieldPathAllowArrayNotation(false))
		if err != nil {
			errs = append(errs, field.Invalid(at, f.JSONPath, fmt.Sprintf("is an invalid path: %v", err)))
			continue
		}
		if path.Root().String() == "metadata" {
			errs = append(errs, field.Invalid(at, f.JSONPath, "must not point to fields in metadata"))
		}
		if schema == nil || !slices.Contains([]string{"string", "boolean", "integer"}, schema.Type) {
			errs = append(errs, field.Invalid(at, f.JSONPath,
				"must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."))
		}
		if seen.Has(path.String()) {
			errs = append(errs, field.Duplicate(at, f.JSONPath))
		}
		seen.Insert(path.String())
	}
	if len(seen) > maxSelectable {
		errs = append(errs, field.TooMany(p.fieldsAt, len(seen), maxSelectable))
	}
	return errs
}

// formatWarnings names what in a definition's schemas is put up with and does
// nothing: formats that nobody knows, list types that cannot be merged by.
func formatWarnings(d *definition) []string {
	formats, lists := map[string]bool{}, map[string]bool{}
	eachSchema(d, func(s *apiextensionsv1.JSONSchemaProps) {
		known := &spec.Schema{SchemaProps: spec.SchemaProps{Format: s.Format, Type: []string{s.Type}}}
		for _, format := range validation.GetUnrecognizedFormats(known, version.MajorMinor(1, 37)) {
			formats[fmt.Sprintf("unrecognized format %q", format)] = true
		}
		if s.XListType == nil || *s.XListType != "set" || s.Items == nil || s.Items.Schema == nil {
			return
		}
		if t := s.Items.Schema.Type; t == "object" || t == "array" {
			lists[fmt.Sprintf("x-kubernetes-list-type: set for items of type %q is not supported by server-side apply or CEL validation rules", t)] = true
		}
	})
	return slices.Concat(slices.Sorted(maps.Keys(formats)), slices.Sorted(maps.Keys(lists)))
}

// hasDefaults says whether a schema of the definition has a default.
func hasDefaults(d *definition) (found bool) {
	eachSchema(d, func(s *apiextensionsv1.JSONSchemaProps) { found = found || s.Default != nil })
	return found
}

// eachSchema visits the schemas of a definition's versions and all within them.
func eachSchema(d *definition, visit func(*apiextensionsv1.JSONSchemaProps)) {
	for _, v := range d.Spec.Versions {
		if v.Schema != nil && v.Schema.OpenAPIV3Schema != nil {
			eachWithin(v.Schema.OpenAPIV3Schema, visit)
		}
	}
}

func eachWithin(s *apiextensionsv1.JSONSchemaProps, visit func(*apiextensionsv1.JSONSchemaProps)) {
	visit(s)
	if s.Items != nil && s.Items.Schema != nil {
		eachWithin(s.Items.Schema, visit)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		eachWithin(s.AdditionalProperties.Schema, visit)
	}
	for _, property := range s.Properties {
		eachWithin(&property, visit)
	}
}
