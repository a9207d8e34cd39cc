package crd

import (
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// taken are the names that other definitions of a group have.
type taken struct {
	resources map[string]bool // plurals, singulars and short names share one room
	kinds     map[string]bool // kinds and list kinds another
}

// takenBy collects the accepted names of all definitions of d's group but d itself.
func takenBy(all map[string]*definition, d *definition) taken {
	t := taken{resources: map[string]bool{}, kinds: map[string]bool{}}
	for name, other := range all {
		if name == d.Name || other.Spec.Group != d.Spec.Group {
			continue
		}
		accepted := other.Status.AcceptedNames
		for _, n := range append([]string{accepted.Plural, accepted.Singular}, accepted.ShortNames...) {
			t.resources[n] = true
		}
		t.kinds[accepted.Kind], t.kinds[accepted.ListKind] = true, true
	}
	return t
}

// accept decides which of the names that d asks for it gets, and writes them
// and the conditions about it into d's status. A name that is not free leaves
// d with the one it had before.
func accept(d *definition, others taken) {
	want, have := d.Spec.Names, &d.Status.AcceptedNames
	verdict := condition{
		Type: apiextensionsv1.NamesAccepted, Status: apiextensionsv1.ConditionTrue,
		Reason: "NoConflicts", Message: "no conflicts found",
	}
	refuse := func(reason string, names ...string) {
		verdict.Status, verdict.Reason = apiextensionsv1.ConditionFalse, reason
		verdict.Message = inUse(names)
	}
	one := func(reason, wanted string, accepted *string, room map[string]bool) {
		if wanted != *accepted && room[wanted] {
			refuse(reason, wanted)
			return
		}
		*accepted = wanted
	}
	one("PluralConflict", want.Plural, &have.Plural, others.resources)
	one("SingularConflict", want.Singular, &have.Singular, others.resources)
	conflicts := slices.DeleteFunc(slices.Clone(want.ShortNames), func(n string) bool {
		return !others.resources[n] || slices.Contains(have.ShortNames, n)
	})
	if len(conflicts) > 0 {
		refuse("ShortNamesConflict", conflicts...)
	} else {
		have.ShortNames = want.ShortNames
	}
	one("KindConflict", want.Kind, &have.Kind, others.kinds)
	one("ListKindConflict", want.ListKind, &have.ListKind, others.kinds)
	have.Categories = want.Categories
	setCondition(d, verdict)
}

func inUse(names []string) string {
	texts := make([]string, 0, len(names))
	for _, n := range names {
		texts = append(texts, fmt.Sprintf("%q is already in use", n))
	}
	if len(texts) == 1 {
		return texts[0]
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// establish says whether the definition is served. Once it is, it stays so,
// whatever becomes of its names.
func establish(d *definition) {
	switch {
	case isTrue(d, apiextensionsv1.Established):
	case isTrue(d, apiextensionsv1.NamesAccepted):
		setCondition(d, condition{
			Type: apiextensionsv1.Established, Status: apiextensionsv1.ConditionTrue,
			Reason: "InitialNamesAccepted", Message: "the initial names have been accepted",
		})
	default:
		setCondition(d, condition{
			Type: apiextensionsv1.Established, Status: apiextensionsv1.ConditionFalse,
			Reason: "NotAccepted", Message: "not all names are accepted",
		})
	}
}

// settle brings a definition's status up to date with its spec and the others,
// and says whether that has changed anything.
func settle(d *definition, all map[string]*definition) (*definition, bool) {
	copied := *d
	next := &copied
	next.Status = *d.Status.DeepCopy() // specs are large, and not changed
	accept(next, takenBy(all, d))
	if !terminating(d) {
		establish(next)
	}
	judgeApproval(next)
	return next, !equality.Semantic.DeepEqual(next.Status, d.Status)
}
