package jsonpath

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A filter chooses the elements of a list that fulfil a comparison, or for which
// a path leads anywhere.
type filter struct {
	left, right operand
	operator    string // empty: left exists
}

// An operand is a path from the element, written with @, or a value.
type operand struct {
	path  []step
	value any
	fixed bool
}

var operators = []string{"==", "!=", "<=", ">=", "<", ">"}

// filter reads ?(…)] behind the opening bracket.
func (p *parser) filter() ([]step, error) {
	p.rest = strings.TrimSpace(p.rest[2:])
	var f filter
	var err error
	if f.left, err = p.operand(); err != nil {
		return nil, err
	}
	p.rest = strings.TrimSpace(p.rest)
	i := slices.IndexFunc(operators, func(o string) bool { return strings.HasPrefix(p.rest, o) })
	if i >= 0 {
		f.operator = operators[i]
		p.rest = strings.TrimSpace(p.rest[len(f.operator):])
		if f.right, err = p.operand(); err != nil {
			return nil, err
		}
		p.rest = strings.TrimSpace(p.rest)
	}
	if !strings.HasPrefix(p.rest, ")]") {
		return nil, errors.New("a filter is not closed")
	}
	p.rest = p.rest[2:]
	return []step{f}, nil
}

func (p *parser) operand() (operand, error) {
	switch {
	case strings.HasPrefix(p.rest, "@"):
		p.rest = p.rest[1:]
		path, err := p.steps(" =!<>)")
		return operand{path: path}, err
	case p.rest != "" && (p.rest[0] == '\'' || p.rest[0] == '"'):
		text, err := p.quoted()
		return operand{value: text, fixed: true}, err
	}
	end := strings.IndexAny(p.rest, " =!<>)")
	if end < 0 {
		return operand{}, errors.New("a filter is not closed")
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	if b, err := strconv.ParseBool(word); err == nil && (word == "true" || word == "false") {
		return operand{value: b, fixed: true}, nil
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		return operand{value: n, fixed: true}, nil
	}
	if n, err := strconv.ParseFloat(word, 64); err == nil {
		return operand{value: n, fixed: true}, nil
	}
	return operand{}, fmt.Errorf("%q is neither a path nor a value", word)
}

func (o operand) of(element any) (any, bool) {
	if o.fixed {
		return o.value, true
	}
	found := follow(o.path, []any{element})
	if len(found) == 0 {
		return nil, false
	}
	return found[0], true
}

func (f filter) from(value any, found []any) []any {
	list, ok := value.([]any)
	if !ok {
		return found
	}
	for _, element := range list {
		if f.holds(element) {
			found = append(found, element)
		}
	}
	return found
}

func (f filter) holds(element any) bool {
	left, ok := f.left.of(element)
	if !ok || f.operator == "" {
		return ok
	}
	right, ok := f.right.of(element)
	if !ok {
		return false
	}
	order, comparable := compare(left, right)
	if !comparable {
		return false
	}
	switch f.operator {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}

// compare orders two values of one sort. Truth values are only equal or not.
func compare(a, b any) (order int, comparable bool) {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	case bool:
		y, ok := b.(bool)
		if x == y {
			return 0, ok
		}
		return 1, ok
	}
	x, ok := number(a)
	y, too := number(b)
	switch {
	case !ok || !too:
		return 0, false
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	default:
		return 0, true
	}
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	default:
		return 0, false
	}
}
