package crd

import (
	"maps"
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A walker visits every part of a schema and collects what is wrong.
type walker struct {
	rules    bool // compile the rules: the schema is structural
	errs     field.ErrorList
	ruleErrs field.ErrorList
	cost     ruleCost
}

// A spot is where in the schema a walker is, with what follows from that.
type spot struct {
	path *field.Path
	root bool
	// loose is below anyOf and its like, where there are no rules.
	loose bool
	// inMeta is in the metadata of the object or of an embedded one.
	inMeta bool
	// noDefault says why there may be no default; empty: there may.
	noDefault string
	// uncorrelated is the outermost place in which old and new values cannot be
	// matched, so that rules have no oldSelf.
	uncorrelated *field.Path
	// cardinality is how often the spot can be in one object; nil: without bound.
	cardinality *uint64
}

// below returns the spot of a part.
func (s spot) below(path *field.Path) spot {
	s.path, s.root = path, false
	return s
}

// walk judges a schema and all that is in it.
func (w *walker) walk(s *apiextensions.JSONSchemaProps, at spot) {
	if s == nil {
		return
	}
	before := len(w.errs)
	w.judgeSupported(s, at)
	w.walkObject(s, at)
	w.walkAlternatives(s, at)
	w.walkItems(s, at)
	w.judgeTypes(s, at)
	w.judgeRuleTexts(s, at)
	if w.rules && len(w.errs) == before && !at.loose {
		w.compile(s, at)
	}
}

// walkObject visits the properties of an object.
func (w *walker) walkObject(s *apiextensions.JSONSchemaProps, at spot) {
	if more := s.AdditionalProperties; more != nil {
		if len(s.Properties) != 0 && (!more.Allows || more.Schema != nil) {
			w.forbid(at.path.Child("additionalProperties"), "additionalProperties and properties are mutual exclusive")
		}
		sub := at.below(at.path.Child("additionalProperties"))
		sub.cardinality = times(at.cardinality, s.MaxProperties)
		if at.inMeta {
			sub.noDefault = "inside additionalProperties applying to object metadata"
		}
		w.walk(more.Schema, sub)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property := s.Properties[name]
		sub := at.below(at.path.Child("properties").Key(name))
		if !cel.MapIsCorrelatable(s.XMapType) {
			sub.uncorrelated = outermost(at.uncorrelated, at.path)
		}
		if (at.root || s.XEmbeddedResource) && slices.Contains([]string{"metadata", "kind", "apiVersion"}, name) {
			sub.inMeta = true
			if at.root {
				sub.noDefault = "in top-level " + name
			}
		}
		w.walk(&property, sub)
	}
}

// walkItems visits the elements of a list. Only those of a map are the same from
// one version of the object to the next.
func (w *walker) walkItems(s *apiextensions.JSONSchemaProps, at spot) {
	if s.Items == nil {
		return
	}
	sub := at.below(at.path.Child("items"))
	sub.cardinality = times(at.cardinality, s.MaxItems)
	if s.XListType == nil || *s.XListType != "map" {
		sub.uncorrelated = outermost(at.uncorrelated, at.path)
	}
	w.walk(s.Items.Schema, sub)
}

// walkAlternatives visits the schemas that an object fulfils beside this one.
func (w *walker) walkAlternatives(s *apiextensions.JSONSchemaProps, at spot) {
	at.loose = true
	w.walk(s.Not, at.below(at.path.Child("not")))
	for _, group := range []struct {
		name string
		of   []apiextensions.JSONSchemaProps
	}{{"allOf", s.AllOf}, {"oneOf", s.OneOf}, {"anyOf", s.AnyOf}} {
		for i := range group.of {
			w.walk(&group.of[i], at.below(at.path.Child(group.name).Index(i)))
		}
	}
}

func outermost(before, now *field.Path) *field.Path {
	if before != nil {
		return before
	}
	return now
}

func (w *walker) forbid(path *field.Path, detail string) {
	w.errs = append(w.errs, field.Forbidden(path, detail))
}

func (w *walker) invalid(path *field.Path, value any, detail string) {
	w.errs = append(w.errs, field.Invalid(path, value, detail))
}

func (w *walker) require(path *field.Path, detail string) {
	w.errs = append(w.errs, field.Required(path, detail))
}

// schemaTypes are the types that a schema can name, as errors list them.
var schemaTypes = []string{"array", "boolean", "integer", "number", "object", "string"}

// judgeSupported refuses what OpenAPI has and custom resources do not.
func (w *walker) judgeSupported(s *apiextensions.JSONSchemaProps, at spot) {
	if s.Type != "" && !slices.Contains(schemaTypes, s.Type) {
		w.errs = append(w.errs, field.NotSupported(at.path.Child("type"), s.Type, schemaTypes))
	}
	if s.Default != nil && at.noDefault != "" {
		w.forbid(at.path.Child("default"), "must not be set "+at.noDefault)
	}
	for _, part := range []struct {
		name  string
		given bool
	}{
		{"id", s.ID != ""}, {"additionalItems", s.AdditionalItems != nil}, {"patternProperties", len(s.PatternProperties) != 0},
		{"definitions", len(s.Definitions) != 0}, {"dependencies", s.Dependencies != nil}, {"$ref", s.Ref != nil},
	} {
		if part.given {
			w.forbid(at.path.Child(part.name), part.name+" is not supported")
		}
	}
	if s.Type == "null" {
		w.forbid(at.path.Child("type"), "type cannot be set to null, use nullable as an alternative")
	}
	if s.Items != nil && len(s.Items.JSONSchemas) != 0 {
		w.forbid(at.path.Child("items"), "items must be a schema object and not an array")
	}
	if at.inMeta && s.XEmbeddedResource {
		w.forbid(at.path.Child("x-kubernetes-embedded-resource"), "must not be used inside of resource meta")
	}
	if s.UniqueItems {
		w.forbid(at.path.Child("uniqueItems"), "uniqueItems cannot be set to true since the runtime complexity becomes quadratic")
	}
}
