package crd

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	apicel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// What the rules of a schema may cost, in CEL's units, as estimated for the
// largest objects that the schema allows: each rule, and all together.
const (
	maxRuleCost   = 10_000_000
	maxSchemaCost = 100_000_000
)

// ruleReasons are what a rule can say is wrong.
var ruleReasons = []string{"FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"}

// judgeRuleTexts judges the parts of rules that are no expressions.
func (w *walker) judgeRuleTexts(s *apiextensions.JSONSchemaProps, at spot) {
	for i, rule := range s.XValidations {
		path := at.path.Child("x-kubernetes-validations").Index(i)
		text, message := strings.TrimSpace(rule.Rule), strings.TrimSpace(rule.Message)
		switch {
		case text == "":
			w.require(path.Child("rule"), "rule is not specified")
		case rule.Message != "" && message == "":
			w.invalid(path.Child("message"), rule.Message, "must be non-empty if specified")
		case hasBreaks(message):
			w.invalid(path.Child("message"), rule.Message, "must not contain line breaks")
		case hasBreaks(text) && message == "":
			w.require(path.Child("message"), "message must be specified if rule contains line breaks")
		}
		if rule.MessageExpression != "" && strings.TrimSpace(rule.MessageExpression) == "" {
			w.require(path.Child("messageExpression"), "messageExpression must be non-empty if specified")
		}
		if rule.Reason != nil && !slices.Contains(ruleReasons, string(*rule.Reason)) {
			w.errs = append(w.errs, field.NotSupported(path.Child("reason"), *rule.Reason, ruleReasons))
		}
		w.judgeRulePath(s, rule.FieldPath, path.Child("fieldPath"))
	}
}

// judgeRulePath judges the field that a rule says is wrong.
func (w *walker) judgeRulePath(s *apiextensions.JSONSchemaProps, text string, path *field.Path) {
	if text == "" {
		return
	}
	if strings.TrimSpace(text) == "" {
		w.invalid(path, text, "must be non-empty if specified")
	}
	if hasBreaks(text) {
		w.invalid(path, text, "must not contain line breaks")
	}
	if structural, err := structuralschema.NewStructural(s); err == nil {
		if _, _, err := cel.ValidFieldPath(text, structural); err != nil {
			w.invalid(path, text, "must be a valid path")
		}
	}
}

func hasBreaks(text string) bool { return strings.ContainsAny(text, "\r\n") }

// compile compiles the rules of one part of the schema.
func (w *walker) compile(s *apiextensions.JSONSchemaProps, at spot) {
	if len(s.XValidations) == 0 {
		return
	}
	path := at.path.Child("x-kubernetes-validations")
	internal := func(err error) { w.ruleErrs = append(w.ruleErrs, field.InternalError(path, err)) }
	structural, err := structuralschema.NewStructural(s)
	if err != nil {
		internal(fmt.Errorf("internal error: failed to construct type information for x-kubernetes-validations rules: %w", err))
		return
	}
	types := model.SchemaDeclType(structural, at.root || s.XEmbeddedResource)
	env := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	results, err := cel.Compile(structural, types, celconfig.PerCallLimit, env, cel.NewExpressionsEnvLoader())
	if err != nil {
		internal(err)
		return
	}
	for i := range results {
		w.judgeRule(&s.XValidations[i], &results[i], path.Index(i), at)
	}
}

// judgeRule judges a rule by what compiling has found.
func (w *walker) judgeRule(rule *apiextensions.ValidationRule, found *cel.CompilationResult, path *field.Path, at spot) {
	add := func(err *field.Error) { w.ruleErrs = append(w.ruleErrs, err) }
	times := found.MaxCardinality
	if at.cardinality != nil {
		times = *at.cardinality
	}
	if err := w.cost.add(path.Child("rule"), "estimated rule cost", product(found.MaxCost, times)); err != nil {
		add(err)
	}
	if found.Error != nil && found.Error.Type == apicel.ErrorTypeRequired {
		add(field.Required(path.Child("rule"), found.Error.Detail))
	} else if found.Error != nil {
		add(field.Invalid(path.Child("rule"), *rule, found.Error.Detail))
	}
	if found.MessageExpressionError != nil {
		add(field.Invalid(path.Child("messageExpression"), *rule, found.MessageExpressionError.Detail))
	} else if found.MessageExpression != nil {
		if err := w.cost.add(path.Child("messageExpression"), "estimated messageExpression cost", found.MessageExpressionMaxCost); err != nil {
			add(err)
		}
	}
	switch {
	case found.UsesOldSelf && at.uncorrelated != nil:
		add(field.Invalid(path.Child("rule"), rule.Rule,
			fmt.Sprintf("oldSelf cannot be used on the uncorrelatable portion of the schema within %v", at.uncorrelated)))
	case !found.UsesOldSelf && rule.OptionalOldSelf != nil:
		add(field.Invalid(path.Child("optionalOldSelf"), *rule.OptionalOldSelf, "may not be set if oldSelf is not used in rule"))
	}
}
