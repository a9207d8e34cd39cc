package jsonpath

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Path is a parsed path. It is never changed, so many may follow it at once.
type Path struct {
	text  string
	steps []step
}

// String returns the path as it was written.
func (p *Path) String() string { return p.text }

// A step leads from each of some values to values in it.
type step interface {
	from(value any, found []any) []any
}

// Parse reads a path, which begins with a dot or a bracket.
func Parse(text string) (*Path, error) {
	p := &parser{rest: strings.TrimSpace(text)}
	steps, err := p.steps("")
	if err == nil && p.rest != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	if err != nil {
		return nil, fmt.Errorf("parse path %q: %w", text, err)
	}
	return &Path{text: text, steps: steps}, nil
}

// A parser reads from the front of rest.
type parser struct{ rest string }

// steps reads until the end or one of the characters that end a path.
func (p *parser) steps(end string) ([]step, error) {
	var steps []step
	for p.rest != "" && !strings.Contains(end, p.rest[:1]) {
		var next []step
		var err error
		switch {
		case strings.HasPrefix(p.rest, ".."):
			p.rest = p.rest[1:]
			next = []step{deep{}}
			if strings.HasPrefix(p.rest, ".[") {
				p.rest = p.rest[1:]
			}
		case p.rest[0] == '.':
			next, err = p.field(end)
		case p.rest[0] == '[':
			next, err = p.bracket()
		default:
			err = fmt.Errorf("unexpected %q", p.rest[:1])
		}
		if err != nil {
			return nil, err
		}
		steps = append(steps, next...)
	}
	return steps, nil
}

// field reads .name, .* or a lone dot, which stays where it is. A backslash takes
// the meaning from the character after it.
func (p *parser) field(end string) ([]step, error) {
	p.rest = p.rest[1:]
	var name strings.Builder
	i, escaped := 0, false
	for ; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case escaped:
			name.WriteByte(c)
			escaped = false
		case c == '\\':
			escaped = true
		case c == '.' || c == '[' || strings.IndexByte(end, c) >= 0:
			goto done
		default:
			name.WriteByte(c)
		}
	}
done:
	if escaped {
		return nil, errors.New("it ends with a backslash")
	}
	plain := p.rest[:i]
	p.rest = p.rest[i:]
	switch {
	case plain == "*":
		return []step{every{}}, nil
	case name.Len() == 0:
		return nil, nil
	default:
		return []step{field(name.String())}, nil
	}
}

// bracket reads ['name'], [*], [1], [0,2], [1:3:2] or [?(…)].
func (p *parser) bracket() ([]step, error) {
	p.rest = p.rest[1:]
	if strings.HasPrefix(p.rest, "?(") {
		return p.filter()
	}
	if p.rest != "" && (p.rest[0] == '\'' || p.rest[0] == '"') {
		name, err := p.quoted()
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(p.rest, "]") {
			return nil, errors.New("a bracket is not closed after a name")
		}
		p.rest = p.rest[1:]
		return []step{field(name)}, nil
	}
	inside, rest, closed := strings.Cut(p.rest, "]")
	if !closed {
		return nil, errors.New("a bracket is not closed")
	}
	p.rest = rest
	if strings.TrimSpace(inside) == "*" {
		return []step{every{}}, nil
	}
	var chosen union
	for _, part := range strings.Split(inside, ",") {
		s, err := parseSlice(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, s)
	}
	return []step{chosen}, nil
}

// parseSlice reads 3, 1:2 or 0:9:2, each number of which may be left out of the latter.
func parseSlice(text string) (slice, error) {
	parts := strings.Split(text, ":")
	s := slice{step: 1, one: len(parts) == 1}
	if len(parts) > 3 || text == "" {
		return s, fmt.Errorf("%q is no index", text)
	}
	for i, into := range []**int{&s.start, &s.end} {
		if i >= len(parts) || parts[i] == "" {
			continue
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return s, fmt.Errorf("%q is no index", text)
		}
		*into = &n
	}
	if len(parts) == 3 && parts[2] != "" {
		n, err := strconv.Atoi(parts[2])
		if err != nil || n <= 0 {
			return s, fmt.Errorf("%q has no step above zero", text)
		}
		s.step = n
	}
	return s, nil
}

// quoted reads a name or text in quotes of either kind.
func (p *parser) quoted() (string, error) {
	quote := p.rest[0]
	var text strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\\' && i+1 < len(p.rest):
			i++
			text.WriteByte(p.rest[i])
		case c == quote:
			p.rest = p.rest[i+1:]
			return text.String(), nil
		default:
			text.WriteByte(c)
		}
	}
	return "", errors.New("a quote is not closed")
}
