package podsync_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

var update = flag.Bool("update", false, "rewrite the stories with what happens now")

// The stories in testdata are commands and what the kubelet did then. A command
// is a line that begins with "$ ", further lines of it begin with "| ":
//
//	$ pod               the pod's spec and metadata, as YAML
//	$ wait 10s          time passes
//	$ exit NAME CODE    the running container ends by itself
//	$ fail NAME REASON MESSAGE   starting it fails, until "$ mend NAME"
//	$ slow NAME         it does not end when asked to
//	$ probe NAME startup|liveness|readiness success|failure
//	$ lose              the sandbox dies
//	$ image NAME IMAGE  the pod's image is changed
//	$ delete SECONDS    the pod is deleted with this grace period
//	$ restart           the kubelet restarts
//	$ reboot            the runtime forgets everything, the kubelet restarts
//
// What follows is written by the test: a line for each action, and one for the
// status whenever it changed.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			got := tell(t, string(want))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("the story goes differently (-want +got; -update takes the new one):\n%s", diff)
			}
		})
	}
}

// tell runs the commands of a story and returns it with what happened.
func tell(t *testing.T, text string) string {
	w := &world{t: t, slow: map[string]bool{}, fails: map[string][2]string{}}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case strings.HasPrefix(line, "#"), line == "" && i+1 < len(lines):
			fmt.Fprintln(&w.out, line)
		case strings.HasPrefix(line, "$ "):
			fmt.Fprintln(&w.out, line)
			var body []string
			for ; i+1 < len(lines) && strings.HasPrefix(lines[i+1], "| "); i++ {
				fmt.Fprintln(&w.out, lines[i+1])
				body = append(body, lines[i+1][2:])
			}
			w.do(strings.Fields(line[2:]), strings.Join(body, "\n"))
		}
	}
	return w.out.String()
}

// A world is a runtime that does at once what it is told.
type world struct {
	t          *testing.T
	out        strings.Builder
	start      time.Time
	state      podsync.State
	wake       time.Time
	slow       map[string]bool
	fails      map[string][2]string
	lastStatus string
}

func (w *world) do(command []string, body string) {
	switch command[0] {
	case "pod":
		w.start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		pod := &corev1.Pod{}
		require.NoError(w.t, yaml.UnmarshalStrict([]byte(body), pod))
		pod.Namespace, pod.UID = "default", "u1"
		w.state = podsync.State{Pod: pod, Now: w.start, HostIPs: []string{"10.0.0.1"}, Runtime: "test",
			Jobs: map[string]podsync.Job{}, Probes: map[string]podsync.Probes{}}
	case "wait":
		d, err := time.ParseDuration(command[1])
		require.NoError(w.t, err)
		end := w.state.Now.Add(d)
		for !w.wake.IsZero() && !w.wake.After(end) {
			w.state.Now = w.wake
			w.settle()
		}
		w.state.Now = end
	case "exit":
		code, err := strconv.Atoi(command[2])
		require.NoError(w.t, err)
		w.exit(w.running(command[1]), code)
	case "fail":
		w.fails[command[1]] = [2]string{command[2], strings.Join(command[3:], " ")}
	case "mend":
		delete(w.fails, command[1])
	case "slow":
		w.slow[command[1]] = true
	case "probe":
		w.probe(command[1], command[2], map[string]podsync.Result{"success": podsync.Success, "failure": podsync.Failure}[command[3]])
	case "lose":
		w.state.Sandboxes[len(w.state.Sandboxes)-1].Ready = false
		for i := range w.state.Containers {
			if w.state.Containers[i].State == podsync.Running {
				w.exit(&w.state.Containers[i], 137)
			}
		}
	case "image":
		for i := range w.state.Pod.Spec.Containers {
			if c := &w.state.Pod.Spec.Containers[i]; c.Name == command[1] {
				c.Image = command[2]
			}
		}
	case "delete":
		seconds, err := strconv.ParseInt(command[1], 10, 64)
		require.NoError(w.t, err)
		at := metav1.NewTime(w.state.Now.Add(time.Duration(seconds) * time.Second))
		w.state.Pod.DeletionTimestamp, w.state.Pod.DeletionGracePeriodSeconds = &at, &seconds
		if w.state.EndingSince.IsZero() {
			w.state.EndingSince = w.state.Now
		}
	case "reboot":
		w.state.Sandboxes, w.state.Containers = nil, nil
		fallthrough
	case "restart":
		w.state.Memory, w.state.Prepared, w.state.Jobs = nil, false, map[string]podsync.Job{}
	default:
		w.t.Fatalf("unknown command %q", command[0])
	}
	if w.state.Pod != nil {
		w.settle()
	}
}

// settle decides and acts until there is nothing to do.
func (w *world) settle() {
	for range 100 {
		before := w.state
		plan := podsync.Decide(w.state)
		require.Empty(w.t, cmp.Diff(before, w.state), "Decide must not change its state")
		w.state.Memory, w.state.Pod.Status = plan.Memory, plan.Status
		w.wake = plan.Wake
		w.say(plan)
		if len(plan.Actions) == 0 {
			return
		}
		for _, action := range plan.Actions {
			fmt.Fprintf(&w.out, "  %s  %s\n", w.state.Now.Sub(w.start), action)
			w.act(action)
		}
	}
	w.t.Fatal("it never settles")
}

func (w *world) act(action podsync.Action) {
	switch a := action.(type) {
	case podsync.Prepare:
		w.state.Prepared = true
	case podsync.CreateSandbox:
		w.state.Sandboxes = append(w.state.Sandboxes, podsync.Sandbox{
			ID: fmt.Sprint("s", a.Attempt), Attempt: a.Attempt, Ready: true, Created: w.state.Now, IPs: []string{fmt.Sprint("10.1.0.", a.Attempt+2)},
		})
	case podsync.StartContainer:
		w.startContainer(a)
	case podsync.StopContainer:
		if w.slow[a.Name] {
			w.state.Jobs[a.Name] = podsync.Job{Kind: podsync.Stopping, Deadline: w.state.Now.Add(a.Grace)}
			return
		}
		w.exit(w.running(a.Name), 143)
	case podsync.StopSandbox:
		for i := range w.state.Sandboxes {
			if w.state.Sandboxes[i].ID == a.ID {
				w.state.Sandboxes[i].Ready = false
			}
		}
	case podsync.RemoveContainer:
		w.state.Containers = slices.DeleteFunc(w.state.Containers, func(c podsync.Container) bool { return c.ID == a.ID })
	case podsync.RemoveSandbox:
		w.state.Sandboxes = slices.DeleteFunc(w.state.Sandboxes, func(s podsync.Sandbox) bool { return s.ID == a.ID })
	case podsync.Cancel:
		delete(w.state.Jobs, a.Name)
	}
}

func (w *world) startContainer(a podsync.StartContainer) {
	if failure, ok := w.fails[a.Name]; ok {
		w.state.Memory[a.Name] = w.state.Memory[a.Name].Failed(failure[0], failure[1], w.state.Now)
		return
	}
	w.state.Memory[a.Name] = w.state.Memory[a.Name].Succeeded()
	spec := w.spec(a.Name)
	w.state.Containers = append(w.state.Containers, podsync.Container{
		ID: fmt.Sprint(a.Name, "-", a.Attempt), Name: a.Name, SandboxID: a.SandboxID, Attempt: a.Attempt,
		Image: spec.Image, Hash: podsync.Hash(spec), State: podsync.Running, Created: w.state.Now, Started: w.state.Now,
	})
}

func (w *world) spec(name string) *corev1.Container {
	for _, c := range slices.Concat(w.state.Pod.Spec.InitContainers, w.state.Pod.Spec.Containers) {
		if c.Name == name {
			return &c
		}
	}
	w.t.Fatalf("no container %s", name)
	return nil
}

func (w *world) running(name string) *podsync.Container {
	for i := range w.state.Containers {
		if c := &w.state.Containers[i]; c.Name == name && c.State == podsync.Running {
			return c
		}
	}
	w.t.Fatalf("container %s does not run", name)
	return nil
}

func (w *world) exit(c *podsync.Container, code int) {
	c.State, c.ExitCode, c.Finished = podsync.Exited, code, w.state.Now
	delete(w.state.Jobs, c.Name)
}

func (w *world) probe(name, kind string, result podsync.Result) {
	c := w.running(name)
	p := w.state.Probes[c.ID]
	switch kind {
	case "startup":
		p.Startup = result
	case "liveness":
		p.Liveness = result
	case "readiness":
		p.Readiness = result
	}
	w.state.Probes[c.ID] = p
}

// say writes the status if it changed.
func (w *world) say(plan podsync.Plan) {
	s := plan.Status
	parts := []string{string(s.Phase)}
	if s.Reason != "" {
		parts[0] += "/" + s.Reason
	}
	for _, c := range s.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			parts = append(parts, "ready")
		}
	}
	for _, c := range slices.Concat(s.InitContainerStatuses, s.ContainerStatuses) {
		parts = append(parts, fmt.Sprintf("%s=%s", c.Name, describe(c)))
	}
	if plan.Stopped {
		parts = append(parts, "(nothing runs)")
	}
	text := strings.Join(parts, " ")
	if text != w.lastStatus {
		fmt.Fprintf(&w.out, "  %s  %s\n", w.state.Now.Sub(w.start), "status: "+text)
		w.lastStatus = text
	}
}

func describe(c corev1.ContainerStatus) string {
	text := ""
	switch {
	case c.State.Running != nil:
		text = "running"
		if !*c.Started {
			text = "starting"
		}
	case c.State.Terminated != nil:
		text = fmt.Sprintf("%s(%d)", c.State.Terminated.Reason, c.State.Terminated.ExitCode)
	case c.State.Waiting != nil:
		text = c.State.Waiting.Reason
	}
	if c.RestartCount > 0 {
		text += fmt.Sprintf("*%d", c.RestartCount)
	}
	return text
}
