package runtimetest

import (
	"strconv"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
)

// A Target is a runtime to grade, and what its image can do.
type Target struct {
	Runtime runtime.Runtime
	// Image is the name of an image that PullImage finds.
	Image string
	// Commands are command lines for containers of that image, and for exec in
	// them.
	Commands Commands
	// Sandbox, if set, changes the configuration of each pod before it is run,
	// for what a runtime needs besides: a cgroup parent, say.
	Sandbox func(*cri.PodSandboxConfig)
	// LogRoot is a folder for log files that the runtime can reach; empty means
	// a temporary folder of the test.
	LogRoot string
	Options Options
}

// Commands are the command lines of the behaviours that cases need.
type Commands struct {
	// Sleep runs until SIGTERM and then exits 0. It prints "ready" and a newline
	// once SIGTERM would find it: the first process of a PID namespace never sees
	// a signal that it does not handle yet.
	Sleep []string
	// Stubborn runs until it is killed: it ignores SIGTERM. It prints "ready" and
	// a newline once it does.
	Stubborn []string
	// Echo copies standard input to standard output until its end, then exits 0.
	Echo []string
	// Exit exits with a code.
	Exit func(code int) []string
	// Print writes to standard output, then to standard error, as it is, and
	// exits 0.
	Print func(stdout, stderr string) []string
	// Getenv prints the value of an environment variable and exits 0.
	Getenv func(name string) []string
	// Cat prints a file and exits 0, or exits 1 if it cannot.
	Cat func(path string) []string
	// Write writes text to a file and exits 0, or exits 1 if it cannot.
	Write func(path, text string) []string
	// Serve listens on a TCP port of all addresses, and sends back what each
	// connection sends, until SIGTERM. It prints "ready" and a newline when it
	// listens.
	Serve func(port int) []string
}

// GuestCommands are the command lines of the program in the guest folder,
// installed at path in the image.
func GuestCommands(path string) Commands {
	return Commands{
		Sleep:    []string{path, "sleep"},
		Stubborn: []string{path, "stubborn"},
		Echo:     []string{path, "echo"},
		Exit:     func(code int) []string { return []string{path, "exit", strconv.Itoa(code)} },
		Print:    func(stdout, stderr string) []string { return []string{path, "print", stdout, stderr} },
		Getenv:   func(name string) []string { return []string{path, "getenv", name} },
		Cat:      func(file string) []string { return []string{path, "cat", file} },
		Write:    func(file, text string) []string { return []string{path, "write", file, text} },
		Serve:    func(port int) []string { return []string{path, "serve", strconv.Itoa(port)} },
	}
}

// Options declare what a runtime cannot do. The zero value can do everything.
type Options struct {
	NoAttach      bool // StreamAttach, and with it input of the first process
	NoPortForward bool // StreamPortForward
	NoStats       bool // ContainerStats and its kin
	NoEvents      bool // GetContainerEvents
	NoRemoveImage bool // RemoveImage: the image is shared with others
	NoPodIP       bool // pods without an address of their own
}

// testCase is one rule. skip says that the target declared it cannot.
type testCase struct {
	name, rule string
	test       func(t *testing.T, k *kit)
	skip       func(Options) bool
}

func noAttach(o Options) bool      { return o.NoAttach }
func noPortForward(o Options) bool { return o.NoPortForward }
func noStats(o Options) bool       { return o.NoStats }
func noEvents(o Options) bool      { return o.NoEvents }
func noRemoveImage(o Options) bool { return o.NoRemoveImage }

var cases = []testCase{
	{"status", "a runtime names itself, speaks CRI v1, and says whether it and its network are ready", testStatus, nil},

	{"sandbox lifecycle", "a sandbox is READY with an address when RunPodSandbox returns, NOTREADY after a stop, unknown after its removal", testSandboxLifecycle, nil},
	{"sandbox idempotence", "stopping and removing succeed again, and for an id that never was", testSandboxIdempotence, nil},
	{"sandbox names", "two sandboxes differ in namespace, name, uid or attempt", testSandboxNames, nil},
	{"sandbox list", "a list holds what all its filters let through: id, state, labels", testSandboxList, nil},
	{"sandbox owns containers", "stopping a sandbox kills its containers, removing it removes them", testSandboxOwnsContainers, nil},

	{"container lifecycle", "a container is CREATED, then RUNNING, then EXITED, then unknown; its times grow in that order", testContainerLifecycle, nil},
	{"container state errors", "a call that the state does not allow is refused: start twice, start after the end, create in a stopped sandbox", testContainerStateErrors, nil},
	{"container round trip", "labels, annotations, metadata and image come back as they were given, in status and in lists", testContainerRoundTrip, nil},
	{"container list", "a list holds what all its filters let through: id, sandbox, state, labels", testContainerList, nil},
	{"container environment", "a process sees the environment variables of its container", testEnvironment, nil},
	{"container mounts", "a process sees the host's files at the container's path, and cannot write to a read-only mount", testMounts, nil},
	{"exit codes", "a container's exit code is its process's; the reason is Completed for 0 and Error otherwise", testExitCodes, nil},
	{"restart", "a restart is another container of the next attempt; the earlier one stays until it is removed, and an attempt is there once", testRestart, nil},
	{"unknown ids", "a call for an id that is not there answers NotFound", testUnknownIDs, nil},

	{"stop with grace", "StopContainer sends SIGTERM and returns as soon as the process ends", testStopGrace, nil},
	{"stop kills", "a process that ignores SIGTERM is killed when the grace period is over: exit code 137", testStopKills, nil},
	{"stop at once", "a timeout of 0 kills without grace", testStopAtOnce, nil},
	{"stop given up", "a caller that goes away does not turn a grace period into a kill", testStopGivenUp, nil},
	{"stop what has stopped", "stopping an exited container succeeds and changes nothing", testStopExited, nil},
	{"remove running", "removing a running container kills it first", testRemoveRunning, nil},

	{"log format", "each log record is a time in RFC 3339 with nanoseconds, the stream, F or P, and the text", testLogFormat, nil},
	{"log content", "the log holds exactly the bytes that were written: long lines in pieces, a last line without newline", testLogContent, nil},
	{"log complete", "who sees a container EXITED can read all of its log", testLogComplete, nil},
	{"log reopen", "after a rename and ReopenContainerLog, output goes to a new file at the old path, and none is lost", testLogReopen, noAttach},

	{"exec sync", "ExecSync gives both outputs apart and the exit code", testExecSync, nil},
	{"exec sync timeout", "after its timeout ExecSync fails with DeadlineExceeded, and the container goes on", testExecSyncTimeout, nil},
	{"exec refused", "exec needs a running container and a command that exists", testExecRefused, nil},
	{"exec stream", "StreamExec carries input, its end, and all output; an exit code other than 0 is an ExitError", testExecStream, nil},
	{"exec cancelled", "StreamExec returns when its context ends, and the container goes on", testExecCancelled, nil},
	{"exec ends with container", "a command does not outlive its container", testExecEndsWithContainer, nil},
	{"attach", "StreamAttach carries input to the first process and its output back, and ends with it", testAttach, noAttach},
	{"attach refused", "attach needs a running container", testAttachRefused, noAttach},
	{"port forward", "StreamPortForward reaches a port of the pod both ways; a port that nobody listens on is an error", testPortForward, noPortForward},

	{"images", "a pulled image has an id and a size, is found by name and id, and is listed", testImages, nil},
	{"images missing", "an absent image has an empty status; pulling what is nowhere, or creating from it, fails", testImagesMissing, nil},
	{"images removed", "a removed image is gone, and removing it again succeeds", testImagesRemoved, noRemoveImage},

	{"stats", "running containers have statistics of CPU and memory, by id, by list and by pod", testStats, noStats},
	{"events", "GetContainerEvents tells created, started, stopped and deleted, in that order", testEvents, noEvents},
	{"many pods at once", "calls for different pods do not disturb each other, and addresses differ", testManyPods, nil},
}

// Run grades a runtime in parallel subtests, which mostly wait for disks and for
// processes. open is called for each case, and gives each a runtime that shares
// nothing with the others; what it opens is closed by its own t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Target) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			runCase(t, c, open(t))
		})
	}
}

// Cases names the cases, in order, for [RunCase].
func Cases() []string {
	names := make([]string, len(cases))
	for i, c := range cases {
		names[i] = c.name
	}
	return names
}

// RunCase grades one rule, for a caller that wraps each case: in a
// testing/synctest bubble, say.
func RunCase(t *testing.T, name string, target Target) {
	for _, c := range cases {
		if c.name == name {
			runCase(t, c, target)
			return
		}
	}
	t.Fatalf("runtimetest has no case %q", name)
}

func runCase(t *testing.T, c testCase, target Target) {
	if c.skip != nil && c.skip(target.Options) {
		t.Skipf("the runtime declares that it cannot: %s", c.rule)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the rule: %s", c.rule)
		}
	})
	c.test(t, newKit(t, target))
}
