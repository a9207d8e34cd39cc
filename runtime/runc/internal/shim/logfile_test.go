//go:build linux

package shim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// record writes pieces through a lineWriter at a fixed time and returns the log.
func record(t testing.TB, pieces ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	log, err := openLog(path)
	require.NoError(t, err)
	w := newLineWriter(log, "stdout")
	w.now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC) }
	for _, p := range pieces {
		n, err := w.Write([]byte(p))
		require.NoError(t, err)
		require.Equal(t, len(p), n)
	}
	require.NoError(t, w.Close())
	require.NoError(t, log.Close())
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}

func TestLineWriter(t *testing.T) {
	const head = "2026-01-02T03:04:05.000000006Z stdout "
	require.Equal(t, head+"F hello\n", record(t, "hello\n"))
	require.Equal(t, head+"F hello\n"+head+"F \n"+head+"P bye", strings.TrimSuffix(record(t, "hel", "lo\n\nb", "ye"), "\n"))
	require.Empty(t, record(t))
	full := strings.Repeat("x", maxPiece)
	require.Equal(t, head+"F "+full+"\n", record(t, full+"\n"), "a line that just fits")
	require.Equal(t, head+"P "+full+"\n"+head+"F y\n", record(t, full+"y\n"))
	require.Equal(t, head+"P "+full+"\n"+head+"F y\n", record(t, full, "y\n"))
}

// FuzzLineWriter puts a log together again: not a byte is lost or added, however
// the output was cut.
func FuzzLineWriter(f *testing.F) {
	f.Add("a\nb", 1)
	f.Add(strings.Repeat("x", maxPiece+3)+"\n", 1000)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		cut = max(1, min(cut, len(text)+1))
		var pieces []string
		for rest := text; rest != ""; {
			n := min(cut, len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		var got strings.Builder
		for line := range strings.Lines(record(t, pieces...)) {
			parts := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
			require.Len(t, parts, 4)
			require.LessOrEqual(t, len(parts[3]), maxPiece)
			got.WriteString(parts[3])
			if parts[2] == "F" {
				got.WriteByte('\n')
			}
		}
		require.Equal(t, text, got.String())
	})
}

func TestLastError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.Empty(t, LastError(path))
	require.NoError(t, os.WriteFile(path, []byte("{\"level\":\"warning\",\"msg\":\"w\"}\nnoise\n{\"level\":\"error\",\"msg\":\"first\"}\n{\"level\":\"error\",\"msg\":\"last\"}\n"), 0o600))
	require.Equal(t, "last", LastError(path))
}

func TestProcess_is_not_its_successor(t *testing.T) {
	me := Self()
	require.Equal(t, os.Getpid(), me.PID)
	me.Start--
	require.NoError(t, me.Kill(), "an earlier process of this number is gone: nothing is killed")
	require.NoError(t, Process{PID: 1 << 30}.Kill())
}
