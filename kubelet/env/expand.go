package env

import "strings"

// Expand replaces $(NAME) in text by what lookup knows of NAME. $$ is one
// dollar sign; a name that lookup does not know, and anything else after a
// dollar sign, stays as it is.
func Expand(text string, lookup func(name string) (string, bool)) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		text = after
		switch {
		case strings.HasPrefix(text, "$"):
			out.WriteByte('$')
			text = text[1:]
		case strings.HasPrefix(text, "("):
			name, rest, closed := strings.Cut(text[1:], ")")
			if !closed {
				out.WriteByte('$')
				continue
			}
			if value, ok := lookup(name); ok {
				out.WriteString(value)
			} else {
				out.WriteString("$(" + name + ")")
			}
			text = rest
		default:
			out.WriteByte('$')
		}
	}
}

// ExpandAll expands each of a list, as of a command and its arguments.
func ExpandAll(texts []string, vars []Var) []string {
	known := make(map[string]string, len(vars))
	for _, v := range vars {
		known[v.Name] = v.Value
	}
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = Expand(text, func(name string) (string, bool) {
			value, ok := known[name]
			return value, ok
		})
	}
	return out
}
