package match

import (
	"context"

	"github.com/google/cel-go/common/types"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"

	"github.com/coracle-k8s/coracle/apiserver/cel"
)

// Conditions are expressions that all must hold for a webhook to be called or a
// policy to be applied.
type Conditions struct {
	compiler *cel.Compiler
	list     []condition
	lenient  bool // the failure policy is Ignore
}

type condition struct {
	expr *cel.Expression
	err  error // why it does not compile
}

// CompileConditions compiles the conditions of a webhook, or with its compiler
// of a policy. What does not compile fails when it is asked.
func CompileConditions(compiler *cel.Compiler, list []admissionv1.MatchCondition, names cel.Names, failure *admissionv1.FailurePolicyType) *Conditions {
	c := &Conditions{compiler: compiler, lenient: failure != nil && *failure == admissionv1.Ignore}
	for _, m := range list {
		expr, err := compiler.Compile(m.Expression, names, cel.Bool)
		c.list = append(c.list, condition{expr, err})
	}
	return c
}

// Empty says that there are no conditions.
func (c *Conditions) Empty() bool { return len(c.list) == 0 }

// Hold evaluates the conditions. One that is false settles the matter, whatever is
// wrong with the others; else, what is wrong is an error or, if failures are to be
// ignored, means no.
func (c *Conditions) Hold(ctx context.Context, in cel.Inputs) (bool, error) {
	run := c.compiler.Run(ctx, in, cel.ConditionsBudget)
	var errs []error
	for _, m := range c.list {
		if m.err != nil {
			errs = append(errs, m.err)
			continue
		}
		value, err := run.Eval(m.expr)
		switch {
		case err != nil && run.Spent():
			return false, c.failure([]error{err})
		case err != nil:
			errs = append(errs, err)
		case value == types.False:
			return false, nil
		}
	}
	return len(errs) == 0, c.failure(errs)
}

func (c *Conditions) failure(errs []error) error {
	if c.lenient {
		return nil
	}
	return utilerrors.NewAggregate(errs)
}
