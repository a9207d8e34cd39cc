package kinds

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// A judge collects what is wrong with one object. A rule is a function that
// takes the judge, the part to be judged, and the path at which that part
// stands; it goes on after a finding, so that a user learns all in one go. The
// texts are Kubernetes' own, since people search for them.
type judge struct {
	errs field.ErrorList
	// last are findings that come after all others: see [judge.later].
	last field.ErrorList
}

// all returns the findings in their order.
func (j *judge) all() field.ErrorList {
	for _, err := range j.errs {
		err.BadValue = show(err.BadValue)
	}
	return append(j.errs, j.last...)
}

// later runs a rule whose findings Kubernetes reports after those of all
// others: it has them from rules that are generated from its types, which run
// when those written by hand have run.
func (j *judge) later(rule func(j *judge)) (found bool) {
	var other judge
	rule(&other)
	j.last = append(append(j.last, other.errs...), other.last...)
	return len(other.errs) > 0
}

// filledLater is [judge.filled] as a later rule.
func (j *judge) filledLater(path *field.Path, value string) bool {
	return !j.later(func(j *judge) { j.filled(path, value) })
}

// rule makes a [api.Resource.Validate] of a rule over one concrete type.
func rule[T api.Object](check func(*judge, T)) func(api.Object) field.ErrorList {
	return func(obj api.Object) field.ErrorList {
		var j judge
		check(&j, obj.(T))
		return j.all()
	}
}

// pairRule is [rule] for an object and the one it would replace.
func pairRule[T api.Object](check func(j *judge, obj, old T)) func(obj, old api.Object) field.ErrorList {
	return func(obj, old api.Object) field.ErrorList {
		var j judge
		check(&j, obj.(T), old.(T))
		return j.all()
	}
}

// warnings makes a [api.Resource.Warnings] of a function over one concrete type.
// Old is nil for a create.
func warnings[T api.Object](warn func(obj, old T) []string) func(obj, old api.Object) []string {
	return func(obj, old api.Object) []string {
		was, _ := old.(T)
		return warn(obj.(T), was)
	}
}

func (j *judge) add(errs field.ErrorList) { j.errs = append(j.errs, errs...) }

// invalid adds one finding for each message: the helpers of apimachinery
// return a slice of them, empty where all is well.
func (j *judge) invalid(path *field.Path, value any, messages ...string) {
	for _, message := range messages {
		j.errs = append(j.errs, field.Invalid(path, value, message))
	}
}

// joined is [judge.invalid] with all messages in one finding, after some words.
func (j *judge) joined(path *field.Path, value any, words string, messages []string) {
	if len(messages) > 0 {
		j.invalid(path, value, words+strings.Join(messages, ","))
	}
}

func (j *judge) required(path *field.Path, detail string) {
	j.errs = append(j.errs, field.Required(path, detail))
}

func (j *judge) forbidden(path *field.Path, detail string) {
	j.errs = append(j.errs, field.Forbidden(path, detail))
}

func (j *judge) duplicate(path *field.Path, value any) {
	j.errs = append(j.errs, field.Duplicate(path, value))
}

func (j *judge) notFound(path *field.Path, value any) {
	j.errs = append(j.errs, field.NotFound(path, value))
}

func (j *judge) tooMany(path *field.Path, n, limit int) {
	j.errs = append(j.errs, field.TooMany(path, n, limit))
}

func (j *judge) tooLong(path *field.Path, limit int) {
	j.errs = append(j.errs, field.TooLong(path, "", limit))
}

// atMost judges how long a list is.
func (j *judge) atMost(path *field.Path, length, limit int) {
	if length > limit {
		j.errs = append(j.errs, field.TooMany(path, length, limit))
	}
}

// filled asks for a value where there is none, and says whether there is one.
func (j *judge) filled(path *field.Path, value string) bool {
	if value == "" {
		j.required(path, "")
		return false
	}
	return true
}

// The next judge numbers and quantities.
func (j *judge) notNegative(path *field.Path, n int64) {
	j.add(apivalidation.ValidateNonnegativeField(n, path))
}

func (j *judge) between(path *field.Path, n int64, low, high int) {
	if n < int64(low) || n > int64(high) {
		j.invalid(path, n, validation.InclusiveRangeError(low, high))
	}
}

func (j *judge) port(path *field.Path, n int32) {
	j.invalid(path, n, validation.IsValidPortNum(int(n))...)
}

func (j *judge) notNegativeQuantity(path *field.Path, q resource.Quantity) {
	if q.Cmp(resource.Quantity{}) < 0 {
		j.invalid(path, q.String(), apivalidation.IsNegativeErrorMsg)
	}
}

// The next judge names, by the syntax they must have.
func (j *judge) label(path *field.Path, name string) {
	j.invalid(path, name, validation.IsDNS1123Label(name)...)
}

func (j *judge) subdomain(path *field.Path, name string) {
	j.invalid(path, name, validation.IsDNS1123Subdomain(name)...)
}

func (j *judge) qualified(path *field.Path, name string) {
	j.invalid(path, name, validation.IsQualifiedName(name)...)
}

// objectName judges a reference to an object by its name, which must not be
// empty.
func (j *judge) objectName(path *field.Path, name string) {
	if j.filled(path, name) {
		j.subdomain(path, name)
	}
}

// unchanged refuses a change of an immutable field.
func (j *judge) unchanged(path *field.Path, value, old any) {
	j.add(apivalidation.ValidateImmutableField(value, old, path))
}

// unchangedLater is [judge.unchanged] as a later rule, of which Kubernetes does
// not show the value.
func (j *judge) unchangedLater(path *field.Path, value, old any) {
	if !same(value, old) {
		j.last = append(j.last, field.Invalid(path, nil, apivalidation.FieldImmutableErrorMsg))
	}
}

// same says whether two values mean the same: an empty list is no list, 1 CPU
// is 1000m.
func same(a, b any) bool { return equality.Semantic.DeepEqual(a, b) }

// oneOf judges a field that has a fixed set of values and no default of its own
// at this point: empty is as wrong as unknown. The error lists the values in the
// given order.
func oneOf[T ~string](j *judge, path *field.Path, value T, valid ...T) {
	if value == "" {
		j.required(path, "")
		return
	}
	emptyOrOneOf(j, path, value, valid...)
}

// emptyOrOneOf is [oneOf] for fields that may be left out.
func emptyOrOneOf[T ~string](j *judge, path *field.Path, value T, valid ...T) {
	if value != "" {
		supported(j, path, value, valid...)
	}
}

// supported is [oneOf] for fields of which empty is just another value.
func supported[T ~string](j *judge, path *field.Path, value T, valid ...T) {
	if !slices.Contains(valid, value) {
		j.errs = append(j.errs, field.NotSupported(path, value, valid))
	}
}

// none forbids, for one reason, those of some fields that are given.
func (j *judge) none(path *field.Path, detail string, given map[string]bool) {
	for _, name := range sortedKeys(given) {
		if given[name] {
			j.forbidden(path.Child(name), detail)
		}
	}
}

// unsupported refuses what Kubernetes has and we do not.
func (j *judge) unsupported(path *field.Path, given bool) {
	if given {
		j.forbidden(path, "is not supported by this server")
	}
}

// A choice is one of several things of which exactly one must be given.
type choice struct {
	name  string
	given bool
	check func(*field.Path)
}

// exactlyOne judges the first choice that is given by its own rule, forbids any
// other, and asks for one where there is none. What they are choices of is said
// in the words of the caller.
func (j *judge) exactlyOne(path *field.Path, tooMany, none string, choices ...choice) {
	given := 0
	for _, c := range choices {
		switch {
		case !c.given:
			continue
		case given > 0:
			j.forbidden(path.Child(c.name), tooMany)
		default:
			c.check(path.Child(c.name))
		}
		given++
	}
	if given == 0 {
		j.required(path, none)
	}
}

// A nameSet finds names that are given twice.
type nameSet map[string]bool

// unique adds a name, which may be empty, and reports it if it was there.
func (names nameSet) unique(j *judge, path *field.Path, name string) {
	if name != "" && names[name] {
		j.duplicate(path, name)
	}
	names[name] = true
}

// sortedKeys makes the order of findings in a map the same each time.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
