package cel

import (
	"fmt"
	"slices"
	"sync"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/util/version"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	kubecel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// The types that expressions can be asked to have.
var (
	Bool   = cel.BoolType
	String = cel.StringType
	Null   = cel.NullType
	Any    = cel.AnyType
	// Object is a piece of an object, written as Object{spec: Object.spec{...}};
	// Patches is a list of JSONPatch{op: "add", path: "/spec/...", value: ...}.
	Object  = cel.ObjectType("Object")
	Patches = cel.ListType(cel.ObjectType("JSONPatch"))
)

// PerCall is what one evaluation may cost at most.
const PerCall = celconfig.PerCallLimit

// Names are those that only some expressions know. All know object, oldObject,
// request and namespaceObject.
type Names struct {
	Variables  bool // variables, as defined so far
	Params     bool // params
	Authorizer bool // authorizer and authorizer.requestResource
	Patches    bool // the types Object and JSONPatch, for what changes objects
	Device     bool // device alone, of what all others know nothing
}

// An Expression is one that has been compiled.
type Expression struct {
	Text    string
	program cel.Program
}

// An Error says what is wrong with an expression. Its text begins as
// Kubernetes' does.
type Error string

func (e Error) Error() string { return string(e) }

// A Compiler compiles the expressions of one policy or webhook.
type Compiler struct {
	mode      environment.Type
	variables *kubecel.DeclType // what has been defined, for the type checker
	defined   []variable
	types     *Types // of a type checker; else nil
	envs      map[Names]*environment.EnvSet
}

type variable struct {
	name string
	expr *Expression // nil if it does not compile
	err  error
}

// NewCompiler returns a compiler for expressions that are being written or,
// more generously, for such as are stored: what one server has let in, another must
// still understand.
func NewCompiler(stored bool) *Compiler {
	c := &Compiler{mode: environment.NewExpressions, envs: map[Names]*environment.EnvSet{}}
	if stored {
		c.mode = environment.StoredExpressions
	}
	c.variables = kubecel.NewObjectType("kubernetes.variables", map[string]*kubecel.DeclField{})
	return c
}

// Types are what a type checker knows of objects; nil is anything.
type Types struct{ Object, Params *kubecel.DeclType }

// NewTypeChecker returns a compiler that knows of what types the objects are that
// expressions see, and so finds mistakes that else show when they are evaluated. It
// understands what is stored. Its expressions are not for running.
func NewTypeChecker(types Types) *Compiler {
	c := NewCompiler(true)
	c.types = &types
	return c
}

// Define makes the value of an expression known to later ones as variables.NAME.
// If the expression does not compile the name is known all the same; whoever
// uses it then fails.
func (c *Compiler) Define(name, text string, names Names) error {
	expr, of, err := c.compile(text, names, Any)
	c.defined = append(c.defined, variable{name: name, expr: expr, err: err})
	c.variables.Fields[name] = kubecel.NewDeclField(name, declared(of), true, nil, nil)
	return err
}

// Compile returns the expression, whose value must be of one of the types, or
// an [Error].
func (c *Compiler) Compile(text string, names Names, types ...*cel.Type) (*Expression, error) {
	expr, _, err := c.compile(text, names, types...)
	return expr, err
}

func (c *Compiler) compile(text string, names Names, types ...*cel.Type) (*Expression, *cel.Type, error) {
	env, err := c.env(names)
	if err != nil {
		return nil, nil, err
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, nil, Error("compilation failed: " + issues.String())
	}
	fits := func(t *cel.Type) bool { return t.IsExactType(Any) || ast.OutputType().IsExactType(t) }
	if names.Device {
		// What an attribute is of, the device says.
		if t := ast.OutputType(); !t.IsExactType(Bool) && !t.IsExactType(Any) {
			return nil, nil, Error(fmt.Sprintf("must evaluate to %v or the unknown type, not %v", Bool, t))
		}
	} else if !slices.ContainsFunc(types, fits) {
		return nil, nil, wrongType(types, ast.OutputType())
	}
	program, err := env.Program(ast, cel.InterruptCheckFrequency(celconfig.CheckFrequency))
	if err != nil {
		return nil, nil, Error("program instantiation failed: " + err.Error())
	}
	return &Expression{Text: text, program: program}, ast.OutputType(), nil
}

func wrongType(want []*cel.Type, got *cel.Type) error {
	if len(want) == 1 {
		return Error(fmt.Sprintf("must evaluate to %v but got %v", want[0], got))
	}
	return Error(fmt.Sprintf("must evaluate to one of %v but got %v", want, got))
}

// env returns the environment with the names.
func (c *Compiler) env(names Names) (*cel.Env, error) {
	set := c.envs[names]
	if set == nil {
		var err error
		if set, err = c.extend(names); err != nil {
			return nil, fmt.Errorf("declare what expressions can see: %w", err)
		}
		c.envs[names] = set
	}
	return set.Env(c.mode)
}

// extend adds to a shared environment the compiler's variables, and last the types
// of patches.
func (c *Compiler) extend(names Names) (*environment.EnvSet, error) {
	set, err := environments().get(Names{Params: names.Params, Authorizer: names.Authorizer, Device: names.Device}, c.types)
	if err == nil && names.Variables {
		set, err = set.Extend(environment.VersionedOptions{
			IntroducedVersion: always,
			EnvOptions:        []cel.EnvOption{cel.Variable("variables", c.variables.CelType())},
			DeclTypes:         []*kubecel.DeclType{c.variables},
		})
	}
	if err != nil || !names.Patches {
		return set, err
	}
	return set.Extend(patchTypes())
}

// always is the version since when there are expressions at all.
var always = version.MajorMinor(1, 0)

// environments returns those that all compilers share. They are made when they
// are first asked for, since most servers never see an expression.
var environments = sync.OnceValue(func() *shared {
	return &shared{sets: map[Names]*environment.EnvSet{}}
})

// shared holds the environments without variables.
type shared struct {
	mu   sync.Mutex // guards the fields below
	base *environment.EnvSet
	sets map[Names]*environment.EnvSet
}

// get returns the environment with the names; one with types is for one compiler.
func (s *shared) get(names Names, types *Types) (*environment.EnvSet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set := s.sets[names]; set != nil && types == nil {
		return set, nil
	}
	if s.base == nil {
		s.base = environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	}
	if types != nil {
		return s.base.Extend(declarations(names, *types)...)
	}
	set, err := s.base.Extend(declarations(names, Types{})...)
	if err != nil {
		return nil, err
	}
	s.sets[names] = set
	return set, nil
}
