package server

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/coracle-k8s/coracle/kubelet/logs"
)

// logs answers kubectl logs.
func (s *server) logs(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	opts, previous, err := logOptions(query, time.Now())
	if err != nil {
		fail(w, err)
		return
	}
	log, err := s.Node.Log(r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container"), previous)
	if err != nil {
		fail(w, err)
		return
	}
	opts.Running = log.Running
	w.Header().Set("Content-Type", "text/plain")
	out := &flusher{w: w, flush: opts.Follow}
	stdout, stderr := out, out
	none := &flusher{}
	switch query.Get("stream") {
	case "Stdout":
		stderr = none
	case "Stderr":
		stdout = none
	}
	if opts.Follow { // the headers tell the client that it is connected
		_ = http.NewResponseController(w).Flush()
	}
	if err := logs.Read(r.Context(), log.File, opts, stdout, stderr); err != nil && !out.used {
		fail(w, err)
	}
}

// logOptions reads the query. See PodLogOptions in
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/.
func logOptions(query url.Values, now time.Time) (opts logs.Options, previous bool, err error) {
	opts = logs.Options{Tail: -1, Limit: -1}
	number := func(key string, least int64) (int64, bool) {
		text := query.Get(key)
		if text == "" || err != nil {
			return 0, false
		}
		n, wrong := strconv.ParseInt(text, 10, 64)
		if wrong != nil || n < least {
			err = Errorf(http.StatusBadRequest, "invalid %s %q: must be a number not less than %d", key, text, least)
			return 0, false
		}
		return n, true
	}
	truth := func(key string) bool {
		text := query.Get(key)
		if text == "" || err != nil {
			return false
		}
		b, wrong := strconv.ParseBool(text)
		if wrong != nil {
			err = Errorf(http.StatusBadRequest, "invalid %s %q: must be true or false", key, text)
		}
		return b
	}
	opts.Follow, opts.Timestamps, previous = truth("follow"), truth("timestamps"), truth("previous")
	if n, ok := number("tailLines", 0); ok {
		opts.Tail = n
	}
	if n, ok := number("limitBytes", 1); ok {
		opts.Limit = n
	}
	if n, ok := number("sinceSeconds", 1); ok {
		opts.Since = now.Add(-time.Duration(min(n, maxSeconds)) * time.Second)
	}
	if text := query.Get("sinceTime"); text != "" && err == nil {
		if opts.Since, err = time.Parse(time.RFC3339Nano, text); err != nil {
			err = Errorf(http.StatusBadRequest, "invalid sinceTime %q: must be in the form of RFC 3339", text)
		}
	}
	return opts, previous, err
}

// maxSeconds is the longest time in seconds that a time.Duration can hold.
const maxSeconds = int64(1<<63-1) / int64(time.Second)

// A flusher passes each write on at once where somebody follows. Without a
// writer it drops them.
type flusher struct {
	w     http.ResponseWriter
	flush bool
	used  bool
}

func (f *flusher) Write(p []byte) (int, error) {
	if f.w == nil {
		return len(p), nil
	}
	f.used = true
	n, err := f.w.Write(p)
	if err == nil && f.flush {
		err = http.NewResponseController(f.w).Flush()
	}
	return n, err
}
