package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/common/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/cel"
)

// Limits of what expressions say, in bytes.
const (
	maxMessage = 5 << 10
	maxNote    = 10 << 10
)

// A breach is a rule of a policy that does not hold, or could not be judged.
type breach struct {
	rule    int // its index
	message string
	reason  metav1.StatusReason // of a rule that does not hold
	always  bool                // refuses whatever the binding's actions are
	err     error               // why the rule could not be judged
}

// judge evaluates a policy for one parameter and returns what is wrong.
func (p *validatingPolicy) judge(ctx context.Context, in cel.Inputs, notes *notes) []breach {
	if !p.conditions.Empty() {
		holds, err := p.conditions.Hold(ctx, in)
		if err != nil || !holds {
			return p.failed(0, err)
		}
	}
	breaches, err := p.rules(p.compiler.Run(ctx, in, cel.Budget))
	if err != nil {
		return p.failed(0, err)
	}
	more, err := p.note(p.compiler.Run(ctx, in, cel.Budget), notes)
	if err != nil {
		return p.failed(0, err)
	}
	return append(breaches, more...)
}

// failed is what an error means for the request: nothing, if failures are to be
// ignored.
func (p *validatingPolicy) failed(rule int, err error) []breach {
	if err == nil || p.ignoresFailure() {
		return nil
	}
	return []breach{{rule: rule, message: err.Error(), err: err}}
}

// rules evaluates the rules. It errs when the budget is spent.
func (p *validatingPolicy) rules(run *cel.Run) ([]breach, error) {
	var breaches []breach
	for i, v := range p.validations {
		holds, err := v.rule.eval(run)
		switch {
		case run.Spent():
			return nil, err
		case err != nil:
			breaches = append(breaches, p.failed(i, err)...)
		case holds != types.True:
			breach := breach{rule: i, reason: metav1.StatusReasonInvalid}
			if v.Reason != nil {
				breach.reason = *v.Reason
			}
			if breach.message, err = v.says(run); err != nil {
				breaches = append(breaches, p.failed(i, err)...)
				continue
			}
			breaches = append(breaches, breach)
		}
	}
	return breaches, nil
}

// eval evaluates the formula, or says why it did not compile.
func (f formula) eval(run *cel.Run) (value any, err error) {
	if f.err != nil {
		return nil, fmt.Errorf("%w: %w", errCompile, f.err)
	}
	return run.Eval(f.expr)
}

// says is what to tell the client of a rule that does not hold: what the message
// expression yields if that is a line of text, else the message, else the rule.
func (v *validation) says(run *cel.Run) (string, error) {
	if v.message.expr != nil {
		value, err := run.Eval(v.message.expr)
		if errors.Is(err, cel.ErrBudget) {
			return "", fmt.Errorf("failed messageExpression: %w", err)
		}
		if text, ok := value.(types.String); ok && err == nil {
			if line := strings.TrimSpace(string(text)); line != "" && len(line) <= maxMessage && !strings.Contains(line, "\n") {
				return line, nil
			}
		}
	}
	if v.Message != "" {
		return strings.TrimSpace(v.Message), nil
	}
	return "failed expression: " + strings.TrimSpace(v.Expression), nil
}

// note evaluates what is for the audit log.
func (p *validatingPolicy) note(run *cel.Run, notes *notes) ([]breach, error) {
	var breaches []breach
	for _, a := range p.annotations {
		value, err := a.value.eval(run)
		if run.Spent() {
			return nil, err
		}
		if err != nil {
			if !p.ignoresFailure() {
				breaches = append(breaches, breach{message: err.Error(), always: true, err: err})
			}
			continue
		}
		if text, ok := value.(types.String); ok {
			notes.add(a.key, strings.TrimSpace(string(text)))
		}
	}
	return breaches, nil
}

// notes collects a policy's annotations over all its bindings and parameters.
type notes struct {
	policy string
	keys   []string
	values map[string][]string
}

func (n *notes) add(key, value string) {
	if value == "" || slices.Contains(n.values[key], value[:min(len(value), maxNote)]) {
		return
	}
	if n.values == nil {
		n.values = map[string][]string{}
	}
	if n.values[key] == nil {
		n.keys = append(n.keys, key)
	}
	n.values[key] = append(n.values[key], value[:min(len(value), maxNote)])
}

func (n *notes) publish(a *apiserver.Admission) {
	for _, key := range n.keys {
		a.Annotate(n.policy+"/"+key, strings.Join(n.values[key], ", "))
	}
}
