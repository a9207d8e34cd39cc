// Package policy judges and changes what is written by expressions: the objects
// ValidatingAdmissionPolicy and MutatingAdmissionPolicy, put to use by their bindings.
//
// # Model
//
// A policy says what must hold, a binding where, and parameters, which are objects
// of any kind, fill in the blanks:
//
//	policy "few replicas"         binding                      parameter
//	  for: deployments              in namespaces env=test       ConfigMap test-limits
//	  object.spec.replicas <=       paramRef: test-limits          limit: 3
//	      params.data.limit         actions: Deny
//
// [Policies.Run] follows the four kinds and keeps them compiled and joined. For each
// request, those policies count that match it and have a binding that does; each binding
// is evaluated once for each of its parameters:
//
//	match policy ─> match binding ─> parameters ─> conditions ─> expressions ─> decisions
//
// A validating policy's decisions become a refusal, a warning or a note in the audit
// log, as the binding's actions say. A mutating policy's expressions each yield a piece of an
// object to be merged in, or a JSON patch; they are applied in order, each to what the
// one before has left.
//
// What cannot be decided, because an expression fails or a parameter is not there, is
// decided by the failure policy.
//
// # Checking expressions
//
// A policy whose expressions do not compile is refused when it is written, by the hook
// [Expressions], which also checks the conditions of webhooks. Expressions that were
// let in once stay, even if a later version would not take them.
//
// That an expression asks for a field that the objects do not have shows when it is evaluated
// only, since a policy may be about many kinds; for those that it names, its status warns of that before.
//
// # Concurrency
//
// Policies starts nothing until Run. Its hooks are safe for concurrent use.
//
// # In Kubernetes
//
// This is ValidatingAdmissionPolicy, MutatingAdmissionPolicy and the part of the kinds' validation that
// compiles. Texts and audit annotations are kept. Checking expressions against the types of the objects
// ([Policies.CheckTypes]) is the work of a controller there, which asks the server for its schemas.
//
// # Reading order
//
// policies.go, compile.go, params.go, validating.go, judge.go, verdict.go, mutating.go, mutation.go, expressions.go, typecheck.go.
package policy
