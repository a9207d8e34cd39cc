package podsync

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A State is all that a decision about one pod rests on: what is wanted, what
// the runtime reports, what is under way and what the kubelet remembers. It is
// a value; [Decide] does not change it or what it points to.
type State struct {
	// Pod is what the API server has, its status included: the part of the
	// past that only the API server remembers.
	Pod *corev1.Pod
	// Now is the time of the decision.
	Now time.Time
	// EndingSince is when this kubelet first saw that the pod is deleted. The
	// zero value means now. The grace period is counted from it.
	EndingSince time.Time
	// Reject, if set, is why this node does not run the pod.
	Reject *Rejection
	// Prepared says that volumes and directories are in place.
	Prepared bool
	// Sandboxes are the pod's sandboxes, in any order.
	Sandboxes []Sandbox
	// Containers are the pod's containers, dead ones included, in any order.
	Containers []Container
	// Jobs is what is under way, by container name; [PodJob] is the key of what
	// concerns the pod as a whole.
	Jobs map[string]Job
	// Probes are the results of probes, by container ID.
	Probes map[string]Probes
	// Memory is what was kept from the last decision, by container name;
	// [PodJob] is the key of the pod as a whole.
	Memory map[string]Memory
	// HostIPs are the node's addresses.
	HostIPs []string
	// Runtime is the runtime's name, which container IDs in the status begin with.
	Runtime string
}

// PodJob is the key for what concerns a pod as a whole: its volumes, its sandbox.
const PodJob = ""

// A Rejection is why a node does not run a pod. It becomes the reason and
// message of a status with phase Failed.
type Rejection struct{ Reason, Message string }

// A Sandbox is a pod sandbox as the runtime reports it.
type Sandbox struct {
	ID      string
	Attempt int
	Ready   bool
	Created time.Time
	// IPs are its addresses; none on the host's network.
	IPs []string
}

// A Container is a container as the runtime reports it.
type Container struct {
	ID, Name, SandboxID string
	// Image is as the pod has it, ImageID as the runtime resolved it.
	Image, ImageID string
	// Attempt counts the containers of this name from 0.
	Attempt int
	// Hash is the [Hash] of what the container was made from.
	Hash  string
	State ContainerState
	// Started and Finished are zero where that did not happen.
	Created, Started, Finished time.Time
	ExitCode                   int
	// Reason is the runtime's word, such as OOMKilled. Message is the
	// termination message.
	Reason, Message string
}

// A ContainerState is where in its life a container is.
type ContainerState int

// The states of a container.
const (
	Created ContainerState = iota
	Running
	Exited
	Unknown
)

// A Job is work under way on a container or on the pod as a whole.
type Job struct {
	Kind JobKind
	// Deadline is when a stopping container is killed.
	Deadline time.Time
}

// A JobKind says what a [Job] does.
type JobKind int

// The kinds of jobs.
const (
	Preparing JobKind = iota
	Starting
	Stopping
)

// Probes are the newest results of a running container's probes.
type Probes struct{ Startup, Liveness, Readiness Result }

// A Result is what a probe found, thresholds applied.
type Result int

// The results of a probe. Unasked is the result before the first one counts.
const (
	Unasked Result = iota
	Success
	Failure
)

// Memory is what the kubelet remembers of a container between decisions. It is
// lost when the kubelet restarts, as in Kubernetes: back-off starts anew.
type Memory struct {
	// Hash is the [Hash] the rest belongs to.
	Hash string
	// Crash is the back-off between restarts, Pull that between image pulls,
	// Retry that between tries of everything else.
	Crash, Pull, Retry Backoff
	// Trouble is why the last try did not succeed, nil if it did.
	Trouble *Trouble
}

// Trouble is why something could not be done.
type Trouble struct {
	// Reason is the word of the container's waiting state, such as
	// ErrImagePull. Later is the one for the time until RetryAt, such as
	// ImagePullBackOff; empty means Reason stays.
	Reason, Message, Later string
	// At is when it happened, RetryAt when it may be tried again.
	At, RetryAt time.Time
}
