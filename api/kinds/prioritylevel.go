package kinds

import (
	"fmt"
	"math"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// priorityLevelConfigurations share out the server's seats among requests.
func priorityLevelConfigurations() *api.Resource {
	type level = *flowcontrolv1.PriorityLevelConfiguration
	return &api.Resource{
		GroupVersionKind: flowcontrolv1.SchemeGroupVersion.WithKind("PriorityLevelConfiguration"),
		StatusAlone:      true,
		Plural:           "prioritylevelconfigurations",
		Singular:         "prioritylevelconfiguration",
		New:              func() api.Object { return &flowcontrolv1.PriorityLevelConfiguration{} },
		NewList:          func() runtime.Object { return &flowcontrolv1.PriorityLevelConfigurationList{} },
		Default:          api.Do(defaultPriorityLevel),
		Validate:         rule(checkPriorityLevel),
		ValidateStatus: pairRule(func(j *judge, l, _ level) {
			checkConditionTypes(j, l.Status.Conditions, func(c flowcontrolv1.PriorityLevelConfigurationCondition) string { return string(c.Type) })
		}),
		CopyStatus: api.Pair(func(dst, src level) { dst.Status = src.Status }),
		Generation: true,
		Columns:    priorityLevelColumns(),
	}
}

func priorityLevelColumns() []api.Column {
	type level = *flowcontrolv1.PriorityLevelConfiguration
	limited, queuing := flowcontrolv1.LimitedPriorityLevelConfiguration{}.SwaggerDoc(), flowcontrolv1.QueuingConfiguration{}.SwaggerDoc()
	// A cell is a number, or a word where there is none.
	number := func(name, description string, value func(level) *int32) api.Column {
		return api.Column{Name: name, Type: "string", Description: description, Value: api.Cell(func(l level) any {
			if n := value(l); n != nil {
				return int64(*n)
			}
			return none
		})}
	}
	ofQueues := func(value func(*flowcontrolv1.QueuingConfiguration) *int32) func(level) *int32 {
		return func(l level) *int32 {
			if l.Spec.Limited == nil || l.Spec.Limited.LimitResponse.Queuing == nil {
				return nil
			}
			return value(l.Spec.Limited.LimitResponse.Queuing)
		}
	}
	return table(
		text("Type", flowcontrolv1.PriorityLevelConfigurationSpec{}.SwaggerDoc()["type"], func(l level) string { return string(l.Spec.Type) }),
		number("NominalConcurrencyShares", limited["nominalConcurrencyShares"], func(l level) *int32 {
			if l.Spec.Limited == nil {
				return nil
			}
			return l.Spec.Limited.NominalConcurrencyShares
		}),
		number("Queues", queuing["queues"], ofQueues(func(q *flowcontrolv1.QueuingConfiguration) *int32 { return &q.Queues })),
		number("HandSize", queuing["handSize"], ofQueues(func(q *flowcontrolv1.QueuingConfiguration) *int32 { return &q.HandSize })),
		number("QueueLengthLimit", queuing["queueLengthLimit"], ofQueues(func(q *flowcontrolv1.QueuingConfiguration) *int32 { return &q.QueueLengthLimit })),
		api.AgeColumn(),
	)
}

func defaultPriorityLevel(l *flowcontrolv1.PriorityLevelConfiguration) {
	if e := l.Spec.Exempt; e != nil {
		setDefaultPtr(&e.NominalConcurrencyShares, 0)
		setDefaultPtr(&e.LendablePercent, 0)
	}
	if p := l.Spec.Limited; p != nil {
		setDefaultPtr(&p.NominalConcurrencyShares, 30)
		setDefaultPtr(&p.LendablePercent, 0)
		if q := p.LimitResponse.Queuing; q != nil {
			setDefault(&q.HandSize, 8)
			setDefault(&q.Queues, 64)
			setDefault(&q.QueueLengthLimit, 50)
		}
	}
}

// keepZeroShares is an annotation by which an earlier version of the API wrote
// down what this one has a field for.
const keepZeroShares = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares"

func checkPriorityLevel(j *judge, l *flowcontrolv1.PriorityLevelConfiguration) {
	if _, ok := l.Annotations[keepZeroShares]; ok {
		j.forbidden(field.NewPath("metadata", "annotations"), fmt.Sprintf("annotation '%s' is forbidden", keepZeroShares))
	}
	path := field.NewPath("spec")
	checkPriorityLevelSpec(j, l.Name, &l.Spec, path)
	for _, mandatory := range MandatoryPriorityLevels() {
		if mandatory.Name != l.Name {
			continue
		}
		want, detail := mandatory.Spec, "spec of '%s' must equal the fixed value"
		if l.Name == flowcontrolv1.PriorityLevelConfigurationNameExempt {
			want.Exempt, detail = l.Spec.Exempt, "spec of '%s' except the 'spec.exempt' field must equal the fixed value"
		}
		if !same(want, l.Spec) {
			j.invalid(path, l.Spec, fmt.Sprintf(detail, l.Name))
		}
	}
	checkPriorityLevelUnions(j, &l.Spec, path)
}

// checkPriorityLevelUnions: a type comes with its own part of the spec, and with
// no other.
func checkPriorityLevelUnions(j *judge, spec *flowcontrolv1.PriorityLevelConfigurationSpec, path *field.Path) {
	limited := spec.Type == flowcontrolv1.PriorityLevelEnablementLimited
	if limited && spec.Exempt != nil {
		j.forbidden(path.Child("exempt"), "")
	}
	if !limited && spec.Limited != nil {
		j.forbidden(path.Child("limited"), "")
	}
	if limited && spec.Limited == nil {
		j.required(path.Child("limited"), "")
	}
	if spec.Limited != nil {
		r, queuing := &spec.Limited.LimitResponse, path.Child("limited", "limitResponse", "queuing")
		switch {
		case r.Type == flowcontrolv1.LimitResponseTypeReject && r.Queuing != nil:
			j.forbidden(queuing, "")
		case r.Type == flowcontrolv1.LimitResponseTypeQueue && r.Queuing == nil:
			j.required(queuing, "")
		}
	}
}

func checkPriorityLevelSpec(j *judge, name string, spec *flowcontrolv1.PriorityLevelConfigurationSpec, path *field.Path) {
	exempt := spec.Type == flowcontrolv1.PriorityLevelEnablementExempt
	if (name == flowcontrolv1.PriorityLevelConfigurationNameExempt) != exempt {
		j.invalid(path.Child("type"), spec.Type, "must be 'Exempt' if and only if `name` is 'exempt'")
	}
	switch {
	case exempt:
		if spec.Exempt != nil {
			checkShares(j, spec.Exempt.NominalConcurrencyShares, path.Child("exempt"))
			checkLendable(j, spec.Exempt.LendablePercent, path.Child("exempt"))
		}
	case spec.Type == flowcontrolv1.PriorityLevelEnablementLimited:
		if spec.Limited != nil {
			checkLimited(j, spec.Limited, path.Child("limited"))
		}
	default:
		oneOf(j, path.Child("type"), spec.Type, flowcontrolv1.PriorityLevelEnablementExempt, flowcontrolv1.PriorityLevelEnablementLimited)
	}
}

func checkShares(j *judge, shares *int32, path *field.Path) {
	if shares != nil && *shares < 0 {
		j.invalid(path.Child("nominalConcurrencyShares"), *shares, "must be a non-negative integer")
	}
}

func checkLendable(j *judge, percent *int32, path *field.Path) {
	if percent != nil && (*percent < 0 || *percent > 100) {
		j.invalid(path.Child("lendablePercent"), *percent, "must be between 0 and 100, inclusive")
	}
}

func checkLimited(j *judge, l *flowcontrolv1.LimitedPriorityLevelConfiguration, path *field.Path) {
	checkShares(j, l.NominalConcurrencyShares, path)
	at := path.Child("limitResponse")
	switch r := l.LimitResponse; r.Type {
	case flowcontrolv1.LimitResponseTypeReject:
	case flowcontrolv1.LimitResponseTypeQueue:
		if r.Queuing != nil {
			checkQueuing(j, r.Queuing, at.Child("queuing"))
		}
	default:
		oneOf(j, at.Child("type"), r.Type, flowcontrolv1.LimitResponseTypeQueue, flowcontrolv1.LimitResponseTypeReject)
	}
	checkLendable(j, l.LendablePercent, path)
	if p := l.BorrowingLimitPercent; p != nil && *p < 0 {
		j.invalid(path.Child("borrowingLimitPercent"), *p, "if specified, must be a non-negative integer")
	}
}

// Limits of shuffle sharding: a flow is dealt its hand of queues by the bits of
// one hash.
const (
	maxQueues   = 10_000_000
	maxHashBits = 60
)

func checkQueuing(j *judge, q *flowcontrolv1.QueuingConfiguration, path *field.Path) {
	if q.QueueLengthLimit <= 0 {
		j.invalid(path.Child("queueLengthLimit"), q.QueueLengthLimit, "must be positive")
	}
	switch {
	case q.Queues <= 0:
		j.invalid(path.Child("queues"), q.Queues, "must be positive")
	case q.Queues > maxQueues:
		j.invalid(path.Child("queues"), q.Queues, fmt.Sprintf("must not be greater than %d", maxQueues))
	}
	bits := math.Ceil(math.Log2(float64(q.Queues)) * float64(q.HandSize))
	switch hand := path.Child("handSize"); {
	case q.HandSize <= 0:
		j.invalid(hand, q.HandSize, "must be positive")
	case q.HandSize > q.Queues:
		j.invalid(hand, q.HandSize, fmt.Sprintf("should not be greater than queues (%d)", q.Queues))
	case bits > maxHashBits:
		j.invalid(hand, q.HandSize, fmt.Sprintf(
			"required entropy bits of deckSize %d and handSize %d should not be greater than %d", q.Queues, q.HandSize, maxHashBits))
	}
}
