// Package cel compiles and runs the expressions that clients write into webhook
// configurations and admission policies, in the Common Expression Language
// (https://cel.dev).
//
// # Model
//
// A [Compiler] knows what the expressions of one policy may refer to; a [Run]
// gives those names their values for one request:
//
//	NewCompiler ─ Define("replicas", "object.spec.replicas")
//	            └ Compile("variables.replicas < 5", names, Bool) ─> *Expression
//	                                                                     │
//	Inputs{Object, OldObject, Request, ...} ─> compiler.Run ─> run.Eval ─┴> value, or error
//
// The names are object and oldObject, as plain JSON; request, which describes the
// request; namespaceObject; variables, each worked out when it is first asked
// for; params, if the policy has some; and authorizer, by which an expression
// asks what somebody may do.
//
// # Cost
//
// Expressions come from clients and run in the server, so they are bounded. The
// language has no loops but over lists and maps, each expression may cost
// [PerCall] at most, and a Run shares a budget between all it evaluates. A unit of
// cost is about one step of the interpreter. A run out of budget fails as a whole.
//
// # Concurrency
//
// A Compiler is safe for concurrent use once its last Define has returned, and its
// Expressions are. A Run belongs to one goroutine.
//
// # In Kubernetes
//
// The language's libraries here are kube-apiserver's own (quantities, addresses,
// regular expressions, authorizer and so on; see
// https://kubernetes.io/docs/reference/using-api/cel/), so an expression means the same. They
// take long to set up, about a tenth of a second: that happens when the first expression
// is compiled. The checks of a policy's expressions against the types of the
// objects it is for, which only warn, are left out.
//
// # Reading order
//
// compiler.go, names.go, run.go, inputs.go, authorizer.go.
package cel
