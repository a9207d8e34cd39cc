package apiserver

import "slices"

// An index finds the entries that have something in common without looking at all
// others: those with a label, and those of a node. Controllers list by the first,
// and every kubelet by the second.
type index map[term]*ordered

// A term is a label, or a field that is indexed, with its value. Their names
// differ: that of a label is written with labelPrefix.
type term struct{ name, value string }

const labelPrefix = "label "

// termsOf are those by which an entry can be found.
func termsOf(e *entry) []term {
	if e.empty() {
		return nil
	}
	terms := make([]term, 0, len(e.labels)+1)
	for name, value := range e.labels {
		terms = append(terms, term{labelPrefix + name, value})
	}
	if e.node != "" {
		terms = append(terms, term{nodeNameField, e.node})
	}
	return terms
}

// replace puts an entry in the place of the one before it. Either may be nil.
func (x index) replace(before, now *entry) {
	terms := termsOf(now)
	for _, t := range terms {
		if x[t] == nil {
			x[t] = &ordered{}
		}
		x[t].put(now)
	}
	for _, t := range termsOf(before) {
		if slices.Contains(terms, t) {
			continue
		}
		if x[t].remove(before.key); len(x[t].entries) == 0 {
			delete(x, t)
		}
	}
}

// narrowest returns the shortest of the lists of some terms, of which there is at least one.
func (x index) narrowest(terms []term) *ordered {
	shortest := x[terms[0]]
	for _, t := range terms[1:] {
		if of := x[t]; of == nil || shortest != nil && len(of.entries) < len(shortest.entries) {
			shortest = of
		}
	}
	if shortest == nil {
		return &ordered{}
	}
	return shortest
}
