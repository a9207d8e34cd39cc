package crd

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"

	"github.com/coracle-k8s/coracle/api"
)

// A content is a custom object as JSON has it.
type content = map[string]any

// A compiledSchema is what one version's schema does with objects. It is safe
// for concurrent use.
type compiledSchema struct {
	structural *structuralschema.Structural
	whole      validation.SchemaValidator
	status     validation.SchemaValidator // of the status alone; nil without a status subresource
	preserve   bool                       // nothing is pruned: from a time before structural schemas
	// rules returns the x-kubernetes-validations, compiled when they are first
	// asked for; nil if there are none.
	rules func() *cel.Validator
	scale *apiextensionsv1.CustomResourceSubresourceScale
}

// compile reads the schema of a version.
func compile(spec *apiextensionsv1.CustomResourceDefinitionSpec, v *apiextensionsv1.CustomResourceDefinitionVersion) (*compiledSchema, error) {
	props := &apiextensions.JSONSchemaProps{Type: "object"}
	if v.Schema != nil && v.Schema.OpenAPIV3Schema != nil {
		props = &apiextensions.JSONSchemaProps{}
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, props, nil); err != nil {
			return nil, fmt.Errorf("read the schema of version %s: %w", v.Name, err)
		}
	}
	s := &compiledSchema{preserve: spec.PreserveUnknownFields}
	var err error
	if s.structural, err = structuralschema.NewStructural(props); err != nil {
		return nil, fmt.Errorf("read the schema of version %s: %w", v.Name, err)
	}
	if s.whole, _, err = validation.NewSchemaValidator(props); err != nil {
		return nil, fmt.Errorf("read the schema of version %s: %w", v.Name, err)
	}
	if v.Subresources != nil {
		s.scale = v.Subresources.Scale
	}
	if status, ok := props.Properties["status"]; ok && v.Subresources != nil && v.Subresources.Status != nil {
		if s.status, _, err = validation.NewSchemaValidator(&status); err != nil {
			return nil, fmt.Errorf("read the schema of the status of version %s: %w", v.Name, err)
		}
	}
	s.rules = sync.OnceValue(func() *cel.Validator {
		return cel.NewValidator(s.structural, true, celconfig.PerCallLimit)
	})
	return s, nil
}

// prune drops what the schema does not name, and nulls where there may be none,
// and returns the paths of what it has dropped. Metadata that is of the wrong type is an error, or,
// if the object is lenient, dropped as well.
func (s *compiledSchema) prune(obj content, lenient bool) (dropped []string, err error) {
	apiVersion, kind := obj["apiVersion"], obj["kind"]
	metadata, found, unknown, err := objectmeta.GetObjectMetaWithOptions(obj, objectmeta.ObjectMetaOptions{
		DropMalformedFields: lenient, ReturnUnknownFieldPaths: true,
	})
	if err != nil {
		return nil, err
	}
	dropped = unknown
	if !s.preserve {
		dropped = append(dropped, pruning.PruneWithOptions(obj, s.structural, true,
			structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
		defaulting.PruneNonNullableNullsWithoutDefaults(obj, s.structural)
	}
	wrong, unknown := objectmeta.CoerceWithOptions(nil, obj, s.structural, false, objectmeta.CoerceOptions{
		DropInvalidFields: lenient, ReturnUnknownFieldPaths: true,
	})
	if wrong != nil {
		return nil, wrong
	}
	for key, value := range map[string]any{"apiVersion": apiVersion, "kind": kind} {
		if value != nil {
			obj[key] = value
		}
	}
	if found {
		err = objectmeta.SetObjectMeta(obj, metadata)
	}
	return append(dropped, unknown...), err
}

// fill puts the schema's defaults where nothing is said.
func (s *compiledSchema) fill(obj content) { defaulting.Default(obj, s.structural) }

// judge validates a new object.
func (s *compiledSchema) judge(obj content) field.ErrorList {
	errs := validation.ValidateCustomResource(nil, obj, s.whole)
	errs = append(errs, judgeScale(s.scale, obj, false)...)
	errs = append(errs, objectmeta.Validate(context.Background(), nil, obj, s.structural, false)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, obj)...)
	return s.judgeRules(errs, obj, nil)
}

// judgeUpdate validates an object that is to replace old. What was wrong and
// has not changed is put up with.
func (s *compiledSchema) judgeUpdate(obj, old content) field.ErrorList {
	correlated := common.NewCorrelatedObject(obj, old, &model.Structural{Structural: s.structural})
	errs := validation.ValidateCustomResourceUpdate(nil, obj, old, s.whole, validation.WithRatcheting(correlated))
	errs = append(errs, judgeScale(s.scale, obj, false)...)
	errs = append(errs, objectmeta.Validate(context.Background(), nil, obj, s.structural, false)...)
	errs = append(errs, s.judgeLists(obj, old)...)
	return s.judgeRules(errs, obj, old, cel.WithRatcheting(correlated))
}

// judgeStatus is judgeUpdate for a write of the status alone.
func (s *compiledSchema) judgeStatus(obj, old content) field.ErrorList {
	correlated := common.NewCorrelatedObject(obj, old, &model.Structural{Structural: s.structural})
	var errs field.ErrorList
	if status, ok := obj["status"]; ok && s.status != nil {
		errs = validation.ValidateCustomResourceUpdate(field.NewPath("status"), status, old["status"], s.status,
			validation.WithRatcheting(correlated.Key("status")))
	}
	errs = append(errs, judgeScale(s.scale, obj, true)...)
	errs = append(errs, s.judgeLists(obj, old)...)
	return s.judgeRules(errs, obj, old, cel.WithRatcheting(correlated))
}

// judgeLists finds doubles in lists that are sets or maps, unless they were there before.
func (s *compiledSchema) judgeLists(obj, old content) field.ErrorList {
	errs := listtype.ValidateListSetsAndMaps(nil, s.structural, obj)
	if len(errs) > 0 && len(listtype.ValidateListSetsAndMaps(nil, s.structural, old)) > 0 {
		return nil
	}
	return errs
}

// judgeRules runs the rules in CEL, which rely on what was judged before.
func (s *compiledSchema) judgeRules(errs field.ErrorList, obj, old content, opts ...cel.Option) field.ErrorList {
	rules := s.rules()
	if rules == nil {
		return errs
	}
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return append(errs, field.Invalid(nil, nil,
				"some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"))
		}
	}
	var before any
	if old != nil {
		before = old
	}
	broken, _ := rules.Validate(context.Background(), nil, s.structural, obj, before, celconfig.RuntimeCELCostBudget, opts...)
	return append(errs, broken...)
}

func contentOf(obj api.Object) content {
	return obj.(interface{ UnstructuredContent() map[string]any }).UnstructuredContent()
}
