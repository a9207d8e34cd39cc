package apiserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checkTimeout is how long one check of a server's health may take.
const checkTimeout = 2 * time.Second

// A HealthCheck is one thing that a server's health depends on.
type HealthCheck struct {
	// Name is a path's last part, or parts: "etcd", "poststarthook/rbac/bootstrap-roles".
	Name string
	// Check returns why it is not well.
	Check func(ctx context.Context) error
	// ReadyOnly says that a server which fails it cannot take requests now, but
	// would not be helped by being started again: it is looked at for /readyz alone.
	ReadyOnly bool
}

// healthChecks returns what an endpoint looks at, under Kubernetes' names: a store
// of any sort is called etcd there.
func (s *Server) healthChecks(endpoint string) []HealthCheck {
	store := func(ctx context.Context) error {
		_, err := s.storage.store.Revision(ctx)
		return err
	}
	checks := []HealthCheck{
		{Name: "ping", Check: func(context.Context) error { return nil }},
		{Name: "log", Check: func(ctx context.Context) error {
			s.Logger.Enabled(ctx, slog.LevelError) // a log that is stuck takes the check's time
			return ctx.Err()
		}},
		{Name: "etcd", Check: store},
		{Name: "etcd-readiness", Check: store, ReadyOnly: true},
		{Name: "informer-sync", Check: s.checkCache, ReadyOnly: true},
	}
	checks = append(checks, s.Checks...)
	checks = append(checks, HealthCheck{Name: "shutdown", Check: s.checkShutdown, ReadyOnly: true})
	if endpoint == "readyz" {
		return checks
	}
	return slices.DeleteFunc(checks, func(c HealthCheck) bool { return c.ReadyOnly })
}

func (s *Server) checkCache(context.Context) error {
	if s.storage.cache.stopped() {
		return errCacheStopped
	}
	select {
	case <-s.Ready():
		return nil
	default:
		return errors.New("the cache is not synced yet")
	}
}

func (s *Server) checkShutdown(context.Context) error {
	if s.life.stopping() {
		return errors.New("process is shutting down")
	}
	return nil
}

// serveHealth answers /healthz, /livez and /readyz, whole or one check of them.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	endpoint, only, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	checks := s.healthChecks(endpoint)
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	w.Header().Set("Cache-Control", "no-cache, private")
	if only == "" {
		s.serveAllChecks(ctx, w, r, endpoint, checks)
		return
	}
	i := slices.IndexFunc(checks, func(c HealthCheck) bool { return c.Name == only })
	if i < 0 {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	if err := checks[i].Check(ctx); err != nil {
		http.Error(w, fmt.Sprintf("internal server error: %v", err), http.StatusInternalServerError)
		return
	}
	sayOK(w, "ok")
}

// serveAllChecks says which checks fail, but not why: everybody may read it, and
// the log has the reason.
func (s *Server) serveAllChecks(ctx context.Context, w http.ResponseWriter, r *http.Request, endpoint string, checks []HealthCheck) {
	excluded := r.URL.Query()["exclude"]
	var report strings.Builder
	failed := false
	for _, c := range checks {
		if slices.Contains(excluded, c.Name) {
			fmt.Fprintf(&report, "[+]%s excluded: ok\n", c.Name)
			continue
		}
		if err := s.observed(ctx, c, endpoint); err != nil {
			failed = true
			fmt.Fprintf(&report, "[-]%s failed: reason withheld\n", c.Name)
			s.Logger.Info("a health check failed", "endpoint", endpoint, "check", c.Name, "err", err)
			continue
		}
		fmt.Fprintf(&report, "[+]%s ok\n", c.Name)
	}
	if unknown := unknownChecks(excluded, checks); len(unknown) > 0 {
		fmt.Fprintf(&report, "warn: some health checks cannot be excluded: no matches for %s\n", strings.Join(unknown, ","))
	}
	switch {
	case failed:
		http.Error(w, report.String()+endpoint+" check failed", http.StatusInternalServerError)
	case r.URL.Query().Has("verbose"):
		sayOK(w, fmt.Sprintf("%s%s check passed\n", report.String(), endpoint))
	default:
		sayOK(w, "ok")
	}
}

// unknownChecks are the names among excluded, quoted and sorted, that no check has.
func unknownChecks(excluded []string, checks []HealthCheck) []string {
	var unknown []string
	for _, name := range excluded {
		if !slices.ContainsFunc(checks, func(c HealthCheck) bool { return c.Name == name }) {
			unknown = append(unknown, strconv.Quote(name))
		}
	}
	slices.Sort(unknown)
	return slices.Compact(unknown)
}

func sayOK(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	fmt.Fprint(w, text) // an error is a client that went away
}
