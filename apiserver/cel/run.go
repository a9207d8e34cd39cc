package cel

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
	"k8s.io/apiserver/pkg/cel/lazy"

	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// What a policy's expressions, and the conditions of a webhook or policy, may
// cost together for one request.
const (
	Budget           = celconfig.RuntimeCELCostBudget
	ConditionsBudget = celconfig.RuntimeCELCostBudgetMatchConditions
)

// ErrBudget ends a run whose expressions cost too much.
var ErrBudget = errors.New("validation failed due to running out of cost budget, no further validation rules will be run")

// A Run evaluates expressions for one request.
type Run struct {
	ctx       context.Context
	names     map[string]any
	variables *lazy.MapValue
	budget    int64
}

// Run begins to evaluate the compiler's expressions.
func (c *Compiler) Run(ctx context.Context, in Inputs, budget int64) *Run {
	r := &Run{ctx: ctx, names: in.names(), budget: budget, variables: lazy.NewMapValue(c.variables)}
	for _, v := range c.defined {
		r.variables.Append(v.name, func(*lazy.MapValue) ref.Val { return r.variable(v) })
	}
	return r
}

// Spent says that the budget is: nothing more can be evaluated.
func (r *Run) Spent() bool { return r.budget < 0 }

// Left is what is left of the budget.
func (r *Run) Left() int64 { return max(r.budget, 0) }

// Eval evaluates an expression. An error that is [ErrBudget] means that there is
// no more to be had of this run.
func (r *Run) Eval(x *Expression) (ref.Val, error) {
	value, details, err := x.program.ContextEval(r.ctx, r)
	if spent := r.spend(details); spent != nil {
		return nil, spent
	}
	if r.ctx.Err() != nil {
		return nil, context.Cause(r.ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("expression '%s' resulted in error: %w", x.Text, err)
	}
	return value, nil
}

// spend takes what an evaluation has cost from the budget.
func (r *Run) spend(details *cel.EvalDetails) error {
	if details == nil || details.ActualCost() == nil {
		return errors.New("the cost of an expression could not be told, no further expression will be run")
	}
	r.budget -= int64(min(*details.ActualCost(), math.MaxInt64/2))
	if r.budget < 0 {
		return ErrBudget
	}
	return nil
}

// variable works out a variable for the first expression that uses it.
func (r *Run) variable(v variable) ref.Val {
	if v.err != nil {
		return types.NewErr("composited variable %q fails to compile: %v", v.name, v.err)
	}
	value, details, err := v.expr.program.ContextEval(r.ctx, r)
	if err == nil {
		err = r.spend(details)
	}
	if err != nil {
		return types.NewErr("composited variable %q fails to evaluate: %v", v.name, err)
	}
	return value
}

// ResolveName implements interpreter.Activation: it gives names their values.
func (r *Run) ResolveName(name string) (any, bool) {
	if name == "variables" {
		return r.variables, true
	}
	value, known := r.names[name]
	return value, known
}

// Parent implements interpreter.Activation.
func (r *Run) Parent() interpreter.Activation { return nil }

var _ interpreter.Activation = (*Run)(nil)
