package crd

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// judgeNamesThere asks for the names that a spec must have.
func judgeNamesThere(names *apiextensionsv1.CustomResourceDefinitionNames, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, n := range []struct{ name, value string }{
		{"plural", names.Plural}, {"singular", names.Singular}, {"kind", names.Kind}, {"listKind", names.ListKind},
	} {
		if n.value == "" {
			errs = append(errs, field.Required(path.Child(n.name), ""))
		}
	}
	return errs
}

// judgeNames judges the form of names.
func judgeNames(names *apiextensionsv1.CustomResourceDefinitionNames, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	label := func(path *field.Path, value, compared, prefix string) {
		if problems := validation.IsDNS1035Label(compared); value != "" && len(problems) > 0 {
			errs = append(errs, field.Invalid(path, value, prefix+strings.Join(problems, ",")))
		}
	}
	const mixed = "may have mixed case, but should otherwise match: "
	label(path.Child("plural"), names.Plural, names.Plural, "")
	label(path.Child("singular"), names.Singular, names.Singular, "")
	label(path.Child("kind"), names.Kind, strings.ToLower(names.Kind), mixed)
	label(path.Child("listKind"), names.ListKind, strings.ToLower(names.ListKind), mixed)
	each := func(path *field.Path, values []string) {
		for i, value := range values {
			if problems := validation.IsDNS1035Label(value); len(problems) > 0 {
				errs = append(errs, field.Invalid(path.Index(i), value, strings.Join(problems, ",")))
			}
		}
	}
	each(path.Child("shortNames"), names.ShortNames)
	if names.Kind != "" && names.Kind == names.ListKind {
		errs = append(errs, field.Invalid(path.Child("listKind"), names.ListKind, "kind and listKind may not be the same"))
	}
	each(path.Child("categories"), names.Categories)
	return errs
}

// The types and formats that a column can have, as their errors list them.
var (
	columnTypes   = []string{"boolean", "date", "integer", "number", "string"}
	columnFormats = []string{"byte", "date", "date-time", "double", "float", "int32", "int64", "password"}
)

func judgeColumns(columns []apiextensions.CustomResourceColumnDefinition, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, c := range columns {
		at := path.Index(i)
		if c.Name == "" {
			errs = append(errs, field.Required(at.Child("name"), ""))
		}
		types := "must be one of " + strings.Join(columnTypes, ",")
		if c.Type == "" {
			errs = append(errs, field.Required(at.Child("type"), types))
		} else if !slices.Contains(columnTypes, c.Type) {
			errs = append(errs, field.Invalid(at.Child("type"), c.Type, types))
		}
		if c.Format != "" && !slices.Contains(columnFormats, c.Format) {
			errs = append(errs, field.Invalid(at.Child("format"), c.Format, "must be one of "+strings.Join(columnFormats, ",")))
		}
		errs = append(errs, judgePath(c.JSONPath, at.Child("JSONPath"))...)
	}
	return errs
}

// judgePath judges the path of a column or number. It asks for little, as
// Kubernetes does: a path that leads nowhere is allowed. With roots, it must
// begin with one of them.
func judgePath(text string, path *field.Path, roots ...string) field.ErrorList {
	under := func(root string) bool { return strings.HasPrefix(text, root+".") }
	switch {
	case text == "":
		return field.ErrorList{field.Required(path, "")}
	case text[0] != '.':
		return field.ErrorList{field.Invalid(path, text, "must be a simple json path starting with .")}
	case len(roots) > 0 && !slices.ContainsFunc(roots, under):
		where := roots[0]
		if len(roots) > 1 {
			where = "either " + strings.Join(roots, " or ")
		}
		return field.ErrorList{field.Invalid(path, text, "should be a json path under "+where)}
	default:
		return nil
	}
}

func judgeSubresources(s *apiextensions.CustomResourceSubresources, path *field.Path) field.ErrorList {
	if s == nil || s.Scale == nil {
		return nil
	}
	errs := judgePath(s.Scale.SpecReplicasPath, path.Child("scale.specReplicasPath"), ".spec")
	errs = append(errs, judgePath(s.Scale.StatusReplicasPath, path.Child("scale.statusReplicasPath"), ".status")...)
	if selector := s.Scale.LabelSelectorPath; selector != nil && *selector != "" {
		errs = append(errs, judgePath(*selector, path.Child("scale.labelSelectorPath"), ".spec", ".status")...)
	}
	return errs
}

// judgeDeprecation judges the warning of a version, which goes into a header.
func judgeDeprecation(v *apiextensions.CustomResourceDefinitionVersion, path *field.Path) field.ErrorList {
	if v.DeprecationWarning == nil {
		return nil
	}
	text := *v.DeprecationWarning
	var errs field.ErrorList
	refuse := func(detail string) { errs = append(errs, field.Invalid(path, v.DeprecationWarning, detail)) }
	if !v.Deprecated {
		refuse("can only be set for deprecated versions")
		return errs
	}
	if len(text) > 256 {
		refuse("must be <= 256 characters long")
	}
	if text == "" {
		refuse("must not be an empty string")
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		refuse(fmt.Sprintf("must only contain printable UTF-8 characters; non-printable character found at index %d", i))
	}
	return errs
}
