package apply

import (
	"strconv"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// A written set is one as FieldsV1 has it, without spaces: objects in objects, whose
// keys are the elements of paths.
//
//	{"f:status":{"f:conditions":{"k:{\"type\":\"Ready\"}":{".":{},"f:status":{}}}}}
//
// Whether some fields are in it is seen faster than it is read.
type written string

// hasAny says whether one of the fields is in the set, hasAll whether all are.
func (w written) hasAny(fields *fieldpath.Set) bool { return w.count(fields, true) > 0 }

func (w written) hasAll(fields *fieldpath.Set) bool { return w.count(fields, false) == 0 }

// count is how many of the fields are in the set, or how many are not.
func (w written) count(fields *fieldpath.Set, in bool) (n int) {
	fields.Iterate(func(path fieldpath.Path) {
		if w.has(path) == in {
			n++
		}
	})
	return n
}

// has says whether a field is in the set: what stands behind it is empty, or says
// that the field itself is meant as well.
func (w written) has(path fieldpath.Path) bool {
	for _, element := range path {
		key, err := fieldpath.SerializePathElement(element)
		if err != nil {
			return false
		}
		if w = w.behind(key); w == "" {
			return false
		}
	}
	return w == "{}" || w.behind(".") != ""
}

// behind is the object behind a key, or empty if there is none.
func (w written) behind(key string) written {
	for i := 1; i < len(w) && w[i] == '"'; i++ { // i is where a key begins
		end := w.endOfString(i)
		from := end + 1 // behind the colon
		to := w.endOfObject(from)
		if isQuoted(string(w[i:end]), key) {
			return w[from:to]
		}
		i = to // the comma, or the end
	}
	return ""
}

func isQuoted(quoted, key string) bool {
	if !strings.Contains(quoted, `\`) {
		return quoted[1:len(quoted)-1] == key
	}
	plain, err := strconv.Unquote(quoted)
	return err == nil && plain == key
}

// endOfString is where the string ends that begins at i.
func (w written) endOfString(i int) int {
	for i++; i < len(w); i++ {
		switch w[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(w)
}

// endOfObject is where the object ends that begins at i.
func (w written) endOfObject(i int) int {
	depth := 0
	for ; i < len(w); i++ {
		switch w[i] {
		case '"':
			i = w.endOfString(i) - 1
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(w)
}
