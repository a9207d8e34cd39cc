package interop_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write down what the sessions print")

// commandTimeout is how long one line of a session may take.
const commandTimeout = 90 * time.Second

// A story is a file of commands with what they print:
//
//	# What this is about.
//	$ kubectl get nodes
//	NAME  STATUS ...
//	$ kubectl get pod nobody
//	Error from server (NotFound): pods "nobody" not found
//	[exit 1]
//
//	-- name.yaml --
//	the content of a file that the commands use
//
// Lines run in a shell, one after the other, in a folder with the files. What
// differs from run to run is replaced: see stable.
type story struct {
	steps []step
	files string // as in the file, from the first "-- "
}

type step struct {
	before  []string // comments and empty lines
	command string
	output  string
}

// readStory parses a story.
func readStory(t *testing.T, path string) story {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	text, files := string(data), ""
	if i := strings.Index("\n"+text, "\n-- "); i >= 0 {
		text, files = text[:i], text[i:]
	}
	var s story
	var before []string
	for line := range strings.Lines(text) {
		switch command, isCommand := strings.CutPrefix(line, "$ "); {
		case isCommand:
			s.steps = append(s.steps, step{before: before, command: strings.TrimSpace(command)})
			before = nil
		case strings.HasPrefix(line, "#") || line == "\n":
			before = append(before, line)
		case len(s.steps) == 0:
			t.Fatalf("%s: output before the first command: %s", path, line)
		default:
			s.steps[len(s.steps)-1].output += line
		}
	}
	s.files = files
	return s
}

// String is the file that the story came from.
func (s story) String() string {
	var b strings.Builder
	for _, step := range s.steps {
		fmt.Fprintf(&b, "%s$ %s\n%s", strings.Join(step.before, ""), step.command, step.output)
	}
	if s.files != "" {
		b.WriteString("\n" + s.files)
	}
	return b.String()
}

// unpack writes the story's files into a folder.
func (s story) unpack(t *testing.T, dir string) {
	for part := range strings.SplitSeq("\n"+s.files, "\n-- ") {
		name, content, ok := strings.Cut(part, " --\n")
		if ok {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content+"\n"), 0o644))
		}
	}
}

// play runs the story and compares, or writes, what it prints.
func play(t *testing.T, path string, env []string) {
	told := readStory(t, path)
	dir := t.TempDir()
	told.unpack(t, dir)
	heard := story{files: told.files}
	for _, step := range told.steps {
		step.output = stable(shell(t, dir, env, step.command))
		heard.steps = append(heard.steps, step)
	}
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(heard.String()), 0o644))
		return
	}
	if diff := gocmp.Diff(strings.Split(told.String(), "\n"), strings.Split(heard.String(), "\n")); diff != "" {
		t.Errorf("%s (-told +heard):\n%s", path, diff)
	}
}

// shell runs a line and returns what it prints, on either output.
func shell(t *testing.T, dir string, env []string, line string) string {
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Dir, cmd.Env = dir, env
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		fmt.Fprintf(&out, "[no end in %s]\n", commandTimeout)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		fmt.Fprintf(&out, "[exit %d]\n", exit.ExitCode())
	} else {
		require.NoError(t, err, line)
	}
	return out.String()
}

// changing is what differs from run to run, with what is put in its place. The
// order matters.
var changing = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UID"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "ID"},
	{regexp.MustCompile(`kube-api-access-\w{5}`), "kube-api-access-NAME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "TIME"},
	{regexp.MustCompile(`\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}`), "TIME"},
	// Names of ReplicaSets and pods: the letters are those of Kubernetes' SafeEncodeString.
	{regexp.MustCompile(`-[bcdf-hj-np-tv-xz2456789]{8,10}-[bcdf-hj-np-tv-xz2456789]{5}\b`), "-HASH-NAME"},
	{regexp.MustCompile(`([-=:]\s?)[bcdf-hj-np-tv-xz2456789]*\d[bcdf-hj-np-tv-xz2456789]{7,9}\b`), "${1}HASH"},
	{regexp.MustCompile(`(resourceVersion"?: )"\d+"`), `${1}"RV"`},
	{regexp.MustCompile(`\b10\.244\.\d+\.\d+`), "POD-IP"},
	{regexp.MustCompile(`\b10\.96\.\d+\.\d+`), "CLUSTER-IP"},
	{regexp.MustCompile(`\b10\.243\.\d+\.\d+`), "NODE-IP"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`(\d+)m( +\d+Mi)`), "$1 milli$2"}, // of processors, no minutes
	{regexp.MustCompile(`\b\d+(\.\d+)?(ms|s|m|h)(\d+s)?\b( ago)?`), "AGE"},
	{regexp.MustCompile(`<(unknown|invalid)> ago`), "AGE"},
	// Columns are as wide as what is in them.
	{regexp.MustCompile(`(\S)[ \t]{2,}`), "${1}  "},
	{regexp.MustCompile(`[ \t]+\n`), "\n"},
	{regexp.MustCompile(`-{4,}`), "----"},
}

// stable replaces what differs from run to run.
func stable(out string) string {
	for _, c := range changing {
		out = c.pattern.ReplaceAllString(out, c.with)
	}
	if out != "" && !strings.HasSuffix(out, "\n") {
		out += "\n[no newline]\n"
	}
	// An empty line would be taken for one between commands, and a # for a comment.
	lines := strings.SplitAfter(out, "\n")
	for i, line := range lines {
		if line == "\n" {
			lines[i] = ".\n"
		}
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "$ ") {
			lines[i] = "\\" + line
		}
	}
	return strings.Join(lines, "")
}

// kubectlPath is the stock kubectl: $KUBECTL, or bin/kubectl, or the one on the
// path. Without one the test is skipped.
func kubectlPath(t *testing.T) string {
	t.Helper()
	built, err := filepath.Abs("../bin/kubectl")
	require.NoError(t, err)
	if _, err := os.Stat(built); err != nil {
		built = "kubectl"
	}
	path, err := exec.LookPath(cmp.Or(os.Getenv("KUBECTL"), built))
	if err != nil {
		t.Skipf("there is no kubectl: make kubectl builds one (%v)", err)
	}
	return path
}
