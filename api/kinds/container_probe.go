package kinds

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkContainerRuns judges what belongs to a container that keeps running: its
// hooks and probes.
func checkContainerRuns(j *judge, c *corev1.Container, spec *corev1.PodSpec, path *field.Path) {
	grace := spec.TerminationGracePeriodSeconds
	if c.Lifecycle != nil {
		checkHook(j, c.Lifecycle.PostStart, grace, path.Child("lifecycle", "postStart"))
		checkHook(j, c.Lifecycle.PreStop, grace, path.Child("lifecycle", "preStop"))
		j.unsupported(path.Child("lifecycle", "stopSignal"), c.Lifecycle.StopSignal != nil)
	}
	checkProbe(j, c.LivenessProbe, path.Child("livenessProbe"), true)
	checkProbe(j, c.StartupProbe, path.Child("startupProbe"), true)
	checkProbe(j, c.ReadinessProbe, path.Child("readinessProbe"), false)
}

func checkHook(j *judge, h *corev1.LifecycleHandler, grace *int64, path *field.Path) {
	if h != nil {
		checkAction(j, action{Exec: h.Exec, HTTPGet: h.HTTPGet, TCPSocket: h.TCPSocket, Sleep: h.Sleep}, grace, path)
	}
}

// checkProbe judges a probe. A fatal one, whose failure kills the container,
// cannot ask for several successes, and only it can have a grace period.
func checkProbe(j *judge, p *corev1.Probe, path *field.Path, fatal bool) {
	if p == nil {
		return
	}
	do := action{Exec: p.Exec, HTTPGet: p.HTTPGet, TCPSocket: p.TCPSocket, GRPC: p.GRPC}
	checkAction(j, do, nil, path)
	j.notNegative(path.Child("initialDelaySeconds"), int64(p.InitialDelaySeconds))
	j.notNegative(path.Child("timeoutSeconds"), int64(p.TimeoutSeconds))
	j.notNegative(path.Child("periodSeconds"), int64(p.PeriodSeconds))
	j.notNegative(path.Child("successThreshold"), int64(p.SuccessThreshold))
	j.notNegative(path.Child("failureThreshold"), int64(p.FailureThreshold))
	if fatal && p.SuccessThreshold != 1 {
		j.invalid(path.Child("successThreshold"), p.SuccessThreshold, "must be 1")
	}
	switch grace := p.TerminationGracePeriodSeconds; {
	case grace == nil:
	case !fatal:
		j.invalid(path.Child("terminationGracePeriodSeconds"), *grace, "must not be set for readinessProbes")
	case *grace <= 0:
		j.invalid(path.Child("terminationGracePeriodSeconds"), *grace, "must be greater than 0")
	}
}

// An action is what a probe or a hook does; exactly one of its ways must be
// given.
type action struct {
	Exec      *corev1.ExecAction
	HTTPGet   *corev1.HTTPGetAction
	TCPSocket *corev1.TCPSocketAction
	Sleep     *corev1.SleepAction
	GRPC      *corev1.GRPCAction
}

func checkAction(j *judge, a action, grace *int64, path *field.Path) {
	j.exactlyOne(path, "may not specify more than 1 handler type", "must specify a handler type",
		choice{"exec", a.Exec != nil, func(p *field.Path) {
			if len(a.Exec.Command) == 0 {
				j.required(p.Child("command"), "")
			}
		}},
		choice{"httpGet", a.HTTPGet != nil, func(p *field.Path) { checkHTTPGet(j, a.HTTPGet, p) }},
		choice{"tcpSocket", a.TCPSocket != nil, func(p *field.Path) { checkPortOrName(j, a.TCPSocket.Port, p.Child("port")) }},
		choice{"grpc", a.GRPC != nil, func(p *field.Path) { j.port(p.Child("port"), a.GRPC.Port) }},
		choice{"sleep", a.Sleep != nil, func(p *field.Path) { checkSleep(j, a.Sleep, grace, p) }},
	)
}

func checkHTTPGet(j *judge, get *corev1.HTTPGetAction, path *field.Path) {
	j.filled(path.Child("path"), get.Path)
	checkPortOrName(j, get.Port, path.Child("port"))
	supported(j, path.Child("scheme"), get.Scheme, corev1.URISchemeHTTP, corev1.URISchemeHTTPS)
	for _, header := range get.HTTPHeaders {
		j.invalid(path.Child("httpHeaders"), header.Name, validation.IsHTTPHeaderName(header.Name)...)
	}
	j.unsupported(path.Child("protocol"), get.Protocol != nil && *get.Protocol != corev1.HTTPProtocolHTTP1)
}

func checkSleep(j *judge, sleep *corev1.SleepAction, grace *int64, path *field.Path) {
	if grace != nil && (sleep.Seconds < 0 || sleep.Seconds > *grace) {
		j.invalid(path, sleep.Seconds, fmt.Sprintf(
			"must be non-negative and less than terminationGracePeriodSeconds (%d)", *grace))
	}
}
