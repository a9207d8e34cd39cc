package runtimetest

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
)

// record is one line of a container's log.
type record struct {
	time         time.Time
	stream, text string
	whole        bool
}

func parseLog(t *testing.T, path string) []record {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var records []record
	for line := range strings.Lines(string(data)) {
		require.True(t, strings.HasSuffix(line, "\n"), "the record %q ends with a newline", line)
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		require.Len(t, fields, 4, "the record %q has a time, a stream, a tag and a text", line)
		at, err := time.Parse(time.RFC3339Nano, fields[0])
		require.NoError(t, err, "the time of the record %q", line)
		require.Contains(t, []string{"stdout", "stderr"}, fields[1], "the stream of the record %q", line)
		require.Contains(t, []string{"F", "P"}, fields[2], "the tag of the record %q", line)
		records = append(records, record{at, fields[1], fields[3], fields[2] == "F"})
	}
	return records
}

// readLog puts together what was written to each stream.
func (p *pod) readLog(name string) map[string]string {
	p.t.Helper()
	return contents(parseLog(p.t, p.logPath(name)))
}

func contents(records []record) map[string]string {
	streams := map[string]string{}
	for _, r := range records {
		streams[r.stream] += r.text
		if r.whole {
			streams[r.stream] += "\n"
		}
	}
	return streams
}

func testLogFormat(t *testing.T, k *kit) {
	p := k.pod("format")
	begin := time.Now()
	p.run("main", k.cmd.Print("first line\nsecond  line\n\n", "an error\n"))
	records := parseLog(t, p.logPath("main"))

	var stdout, stderr []string
	for _, r := range records {
		require.True(t, r.whole, "the record %q is a whole line", r.text)
		require.False(t, r.time.Before(begin.Truncate(time.Second)), "the time of %q is not before the test", r.text)
		if r.stream == "stdout" {
			stdout = append(stdout, r.text)
		} else {
			stderr = append(stderr, r.text)
		}
	}
	require.Equal(t, []string{"first line", "second  line", ""}, stdout)
	require.Equal(t, []string{"an error"}, stderr)
}

func testLogContent(t *testing.T, k *kit) {
	long := strings.Repeat("0123456789", 4000)
	for name, text := range map[string]string{
		"long":    long + "\nshort\n",
		"unended": "one\ntwo",
		"unicode": "größe ⎈\r\n\ttab\n",
	} {
		p := k.pod("content-" + name)
		p.run("main", k.cmd.Print(text, ""))
		require.Equal(t, text, p.readLog("main")["stdout"], name)
	}
}

func testLogComplete(t *testing.T, k *kit) {
	text := strings.Repeat("a line\n", 5000)
	p := k.pod("complete")
	p.run("main", k.cmd.Print(text, ""))
	require.Equal(t, text, p.readLog("main")["stdout"])
}

func testLogReopen(t *testing.T, k *kit) {
	p := k.pod("reopen")
	config := p.containerConfig("main", k.cmd.Echo)
	config.Stdin, config.StdinOnce = true, true
	id := p.startConfig(config)
	input, typed := io.Pipe()
	attached := make(chan error, 1)
	go func() {
		attached <- k.rt.StreamAttach(t.Context(), id, false, runtime.Streams{Stdin: input, Stdout: io.Discard})
	}()

	_, err := typed.Write([]byte("before\n"))
	require.NoError(t, err)
	waitFor(t, "the first line in the log", func() bool { return p.readLog("main")["stdout"] == "before\n" })
	rotated := p.logPath("main") + ".old"
	require.NoError(t, os.Rename(p.logPath("main"), rotated))
	_, err = k.rt.ReopenContainerLog(t.Context(), &cri.ReopenContainerLogRequest{ContainerId: id})
	require.NoError(t, err)

	_, err = typed.Write([]byte("after\n"))
	require.NoError(t, err)
	require.NoError(t, typed.Close())
	require.NoError(t, <-attached)
	require.Zero(t, k.waitExited(id).ExitCode)
	require.Equal(t, "before\n", contents(parseLog(t, rotated))["stdout"])
	require.Equal(t, "after\n", p.readLog("main")["stdout"])
}
