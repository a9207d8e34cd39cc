package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
)

// profiled runs a round while the server notes what it spends its time on, and
// then asks it what is in its memory. `go tool pprof` shows the files.
func (o options) profiled(ctx context.Context, s *side, l line, round func() error) error {
	if o.profiles == "" {
		return round()
	}
	file := func(kind string) string {
		name := strings.ReplaceAll(l.name+" "+s.name+"."+kind, " ", "-")
		return filepath.Join(o.profiles, strings.ReplaceAll(name, "'", ""))
	}
	seconds := max(1, int(o.round.Seconds()))
	var group errgroup.Group
	group.Go(func() error { return s.download(ctx, "profile", fmt.Sprint(seconds), file("cpu")) })
	group.Go(round)
	if err := group.Wait(); err != nil {
		return err
	}
	return s.download(ctx, "allocs", "", file("heap"))
}

// download writes one of the server's profiles to a file.
func (s *side) download(ctx context.Context, what, seconds, file string) error {
	request := s.rest(0).Get().AbsPath("/debug/pprof/" + what)
	if seconds != "" {
		request = request.Param("seconds", seconds)
	}
	data, err := request.Do(ctx).Raw()
	if err != nil {
		return fmt.Errorf("profile of %s: %w", s.name, err)
	}
	return os.WriteFile(file, data, 0o600)
}
