package logs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/kubelet/logs"
)

func at(second int) string {
	return time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC).Format(time.RFC3339Nano)
}

func lines(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&b, "%s stdout F line %d\n", at(i), i)
	}
	return b.String()
}

func write(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString(text)
	require.NoError(t, err)
}

func read(t *testing.T, file string, opts logs.Options) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, logs.Read(t.Context(), file, opts, &out, &out))
	return out.String()
}

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "0.log")
	write(t, file+".20260102-030404.000000000", lines(1, 3))
	write(t, file, lines(4, 5)+at(6)+" stderr P long \n"+at(7)+" stderr F tail\n"+"garbage\n"+at(8)+" stdout F last")
	write(t, file+".gz", "not a log")
	all := "line 1\nline 2\nline 3\nline 4\nline 5\nlong tail\nlast"
	cases := []struct {
		name string
		opts logs.Options
		want string
	}{
		{"everything, rotated files first", logs.Options{Tail: -1, Limit: -1}, all},
		{"tail within the newest file", logs.Options{Tail: 1, Limit: -1}, "last"},
		{"tail across files", logs.Options{Tail: 6, Limit: -1}, "line 4\nline 5\nlong tail\nlast"},
		{"tail of the older file", logs.Options{Tail: 8, Limit: -1}, "line 2\nline 3\nline 4\nline 5\nlong tail\nlast"},
		{"more than there is", logs.Options{Tail: 100, Limit: -1}, all},
		{"none", logs.Options{Tail: 0, Limit: -1}, ""},
		{"a limit in bytes", logs.Options{Tail: -1, Limit: 10}, "line 1\nlin"},
		{"since", logs.Options{Tail: -1, Limit: -1, Since: time.Date(2026, 1, 2, 3, 4, 7, 0, time.UTC)}, "tail\nlast"},
		{"timestamps once a line", logs.Options{Tail: 5, Limit: -1, Timestamps: true, Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
			at(5) + " line 5\n" + at(6) + " long tail\n" + at(8) + " last"},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, read(t, file, test.opts)) })
	}
}

func TestRead_a_log_that_is_not_there_is_empty(t *testing.T) {
	require.Empty(t, read(t, filepath.Join(t.TempDir(), "no", "0.log"), logs.Options{Tail: -1, Limit: -1}))
}

func TestRead_follows_through_a_rotation_until_the_container_ends(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(dir, "0.log")
		write(t, file, lines(1, 2)+at(3)+" stdout F ha")
		var running atomic.Bool
		running.Store(true)
		done := make(chan error)
		var out bytes.Buffer
		go func() {
			done <- logs.Read(t.Context(), file, logs.Options{Tail: 1, Limit: -1, Follow: true, Running: running.Load}, &out, &out)
		}()
		time.Sleep(5 * time.Second)
		write(t, file, "lf a line\n")
		time.Sleep(5 * time.Second)
		rotated, err := logs.Rotate(t.Context(), file, 10, 5, func(context.Context) error {
			write(t, file, lines(4, 5))
			return nil
		})
		require.NoError(t, err)
		require.True(t, rotated)
		time.Sleep(5 * time.Second)
		write(t, file, lines(6, 6))
		running.Store(false)
		require.NoError(t, <-done)
		require.Equal(t, "half a line\nline 4\nline 5\nline 6\n", out.String())
	})
}

func TestRead_ends_with_its_context(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var out bytes.Buffer
		err := logs.Read(ctx, filepath.Join(dir, "0.log"), logs.Options{Tail: -1, Limit: -1, Follow: true, Running: func() bool { return true }}, &out, &out)
		require.NoError(t, err)
	})
}

func TestRotate_keeps_the_newest_files(t *testing.T) {
	file := filepath.Join(t.TempDir(), "0.log")
	reopen := func(context.Context) error { return os.WriteFile(file, nil, 0o600) }
	for i := range 6 {
		write(t, file, lines(i, i))
		_, err := logs.Rotate(t.Context(), file, 1, 3, reopen)
		require.NoError(t, err)
	}
	write(t, file, lines(9, 9))
	require.Equal(t, "line 4\nline 5\nline 9\n", read(t, file, logs.Options{Tail: -1, Limit: -1}))
	require.NoError(t, logs.Remove(file))
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestRotate_puts_the_file_back_when_the_runtime_does_not_reopen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "0.log")
	write(t, file, lines(1, 1))
	_, err := logs.Rotate(t.Context(), file, 1, 3, func(context.Context) error { return errors.New("runtime is down") })
	require.ErrorContains(t, err, "runtime is down")
	require.Equal(t, "line 1\n", read(t, file, logs.Options{Tail: -1, Limit: -1}))
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte(at(1) + " stdout F hello\n"))
	f.Add([]byte(at(1) + " stderr P:x hello"))
	f.Add([]byte(" \x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		line, err := logs.ParseLine(raw)
		if err != nil {
			require.ErrorIs(t, err, logs.ErrLine)
			return
		}
		require.Contains(t, []string{"stdout", "stderr"}, line.Stream)
	})
}

func ExampleParseLine() {
	line, err := logs.ParseLine([]byte("2026-01-02T15:04:05.5Z stderr F out of paper\n"))
	fmt.Printf("%s %s %q %v\n", line.Time.Format(time.TimeOnly), line.Stream, line.Text, err)
	// Output: 15:04:05 stderr "out of paper\n" <nil>
}
