package podsync

import (
	"fmt"
	"hash/fnv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// An Action is one thing for the kubelet to do. Its String says it in words, as
// the tests and the debug log have it.
type Action interface {
	fmt.Stringer
	// Target is the container it is about, or [PodJob].
	Target() string
}

// Prepare makes the pod's directories and volumes.
type Prepare struct{}

// CreateSandbox makes a sandbox, in place of the one named Replaces, if any.
type CreateSandbox struct {
	Attempt  int
	Replaces string
}

// StopSandbox ends a sandbox and its network, whatever still runs in it.
type StopSandbox struct{ ID string }

// RemoveSandbox forgets a sandbox that has no containers left.
type RemoveSandbox struct{ ID string }

// StartContainer pulls a container's image where its policy asks for that,
// creates the container, starts it and runs its postStart hook.
type StartContainer struct {
	Name, SandboxID string
	Attempt         int
}

// StopContainer runs a container's preStop hook, asks it to end, and kills it
// when Grace is over; the hook counts towards it.
type StopContainer struct {
	ID, Name string
	Grace    time.Duration
	// Why is for people: the message of the event.
	Why string
}

// RemoveContainer forgets a dead container, its log included.
type RemoveContainer struct{ ID, Name string }

// Cancel gives up the start of a container that is under way.
type Cancel struct{ Name string }

// Target implements [Action].
func (Prepare) Target() string           { return PodJob }
func (CreateSandbox) Target() string     { return PodJob }
func (StopSandbox) Target() string       { return PodJob }
func (RemoveSandbox) Target() string     { return PodJob }
func (a StartContainer) Target() string  { return a.Name }
func (a StopContainer) Target() string   { return a.Name }
func (a RemoveContainer) Target() string { return a.Name }
func (a Cancel) Target() string          { return a.Name }

func (Prepare) String() string         { return "prepare volumes" }
func (a CreateSandbox) String() string { return fmt.Sprintf("create sandbox %d", a.Attempt) }
func (a StopSandbox) String() string   { return "stop sandbox " + a.ID }
func (a RemoveSandbox) String() string { return "remove sandbox " + a.ID }
func (a StartContainer) String() string {
	return fmt.Sprintf("start %s %d in %s", a.Name, a.Attempt, a.SandboxID)
}
func (a StopContainer) String() string {
	return fmt.Sprintf("stop %s (%s) within %v: %s", a.Name, a.ID, a.Grace, a.Why)
}
func (a RemoveContainer) String() string { return fmt.Sprintf("remove %s (%s)", a.Name, a.ID) }
func (a Cancel) String() string {
	if a.Name == PodJob {
		return "cancel the preparation"
	}
	return "cancel the start of " + a.Name
}

// A Plan is what to do now and what to say about the pod.
type Plan struct {
	Actions []Action
	// Status is the pod's whole status, with what others own in it kept.
	Status corev1.PodStatus
	// Memory replaces [State.Memory].
	Memory map[string]Memory
	// BackingOff are the containers that wait for their back-off to end.
	BackingOff []string
	// Wake is when to decide again although nothing happened; zero for never.
	Wake time.Time
	// Stopped says that the pod has ended for good and nothing of it runs any
	// more: it may be removed once the API server knows its last status.
	Stopped bool
}

// Hash is a fingerprint of what a change of needs a container to be replaced.
func Hash(c *corev1.Container) string {
	h := fnv.New32a()
	fmt.Fprintf(h, "%s\x00%s", c.Name, c.Image)
	return fmt.Sprintf("%08x", h.Sum32())
}
