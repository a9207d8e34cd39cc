package policy

import (
	"context"
	"strings"

	celgo "github.com/google/cel-go/cel"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/cel"
)

// Expressions returns a hook that refuses webhook configurations, policies and
// selectors of devices whose expressions do not compile.
func Expressions() apiserver.Hook {
	return apiserver.ValidateFunc(func(_ context.Context, a *apiserver.Admission) error {
		if a.Object == nil || a.Subresource != "" {
			return nil
		}
		isPolicy := strings.HasSuffix(a.Kind.Kind, "Policy") // webhooks have no variables
		errs := check(kinds.Expressions(a.Object, a.Old), isPolicy)
		if len(errs) == 0 {
			return nil
		}
		return apierrors.NewInvalid(a.Kind.GroupKind(), a.Name, errs)
	})
}

// check compiles expressions in their order. Those that are stored already are
// taken as a stored policy would be.
func check(expressions []kinds.Expression, variables bool) field.ErrorList {
	var errs field.ErrorList
	var compilers [2]*cel.Compiler // for new ones, for stored ones
	for _, e := range expressions {
		if compilers[0] == nil {
			compilers = [2]*cel.Compiler{cel.NewCompiler(false), cel.NewCompiler(true)}
		}
		by := compilers[0]
		if e.Stored {
			by = compilers[1]
		}
		names, types := meaning(e)
		names.Variables = variables
		text := strings.TrimSpace(e.Text)
		var err error
		if e.Use == kinds.VariableExpression {
			err = by.Define(e.Name, text, names)
			for _, other := range compilers {
				if other != by {
					_ = other.Define(e.Name, text, names) // the same error
				}
			}
		} else {
			_, err = by.Compile(text, names, types...)
		}
		if err != nil {
			errs = append(errs, field.Invalid(e.Path, text, err.Error()))
		}
	}
	return errs
}

// meaning returns what an expression may refer to, and its type.
func meaning(e kinds.Expression) (cel.Names, []*celgo.Type) {
	names := cel.Names{Params: e.Params, Authorizer: true}
	switch e.Use {
	case kinds.DeviceExpression:
		return cel.Names{Device: true}, nil
	case kinds.MessageExpression:
		names.Authorizer = false
		return names, []*celgo.Type{cel.String}
	case kinds.AuditExpression:
		return names, []*celgo.Type{cel.String, cel.Null}
	case kinds.ApplyExpression:
		names.Patches = true
		return names, []*celgo.Type{cel.Object}
	case kinds.PatchExpression:
		names.Patches = true
		return names, []*celgo.Type{cel.Patches}
	default:
		return names, []*celgo.Type{cel.Bool}
	}
}
