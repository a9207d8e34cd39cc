package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// logFlags are the flags of every command that runs something.
type logFlags struct {
	verbosity string
}

func (f *logFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.verbosity, "verbosity", "v", "warn", "what the parts log to standard error: debug, info, warn or error")
}

func (f *logFlags) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.verbosity)); err != nil {
		return nil, fmt.Errorf("--verbosity %s: want debug, info, warn or error", f.verbosity)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})), nil
}

// A narrator tells people what happens, with the time each thing took.
type narrator struct {
	w io.Writer
}

// step runs f and tells about it: on a terminal before and after, elsewhere
// after only.
func (n narrator) step(what string, f func() error) error {
	rewind := ""
	if out, ok := n.w.(*os.File); ok && term.IsTerminal(int(out.Fd())) {
		fmt.Fprintf(n.w, "  … %s", what)
		rewind = "\r"
	}
	start := time.Now()
	err := f()
	mark := "✓"
	if err != nil {
		mark = "✗"
	}
	fmt.Fprintf(n.w, "%s  %s %s (%s)\n", rewind, mark, what, took(start))
	return err
}

// took is the time since start, to as many digits as people care for.
func took(start time.Time) time.Duration {
	d := time.Since(start)
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
