// Package env works out the environment, command and arguments of a container:
// a pure function of the pod and what it refers to.
//
//	Services ──▶ REDIS_SERVICE_HOST ... ─┐
//	envFrom  ──▶ ConfigMaps, Secrets    ─┼─▶ [Container]: later ones win
//	env      ──▶ value, valueFrom       ─┘
//
// An env value may use $(NAME) of what came before it, or of Services; $$
// stands for one dollar sign, and a name that is not there stays as it is
// written. Command and arguments are expanded in the same way with [Expand].
//
// Package env also reads the fields that the downward API offers, [Field] and
// [Resource], which volumes use too. See
// https://kubernetes.io/docs/concepts/workloads/pods/downward-api/.
//
// In Kubernetes this is makeEnvironmentVariables in the kubelet, and the
// packages fieldpath, expansion, envvars and resource helpers.
//
// Reading order: env.go, services.go, expand.go, field.go, resource.go.
package env
