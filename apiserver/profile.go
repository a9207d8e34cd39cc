package apiserver

import (
	"net/http"
	"net/http/pprof"
	"strings"
)

// serveProfile answers /debug/pprof to who may see it: what the process does with
// its time and memory. `go tool pprof` reads it.
func serveProfile(w http.ResponseWriter, r *http.Request) {
	switch strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/debug/pprof"), "/") {
	case "cmdline":
		pprof.Cmdline(w, r)
	case "profile":
		pprof.Profile(w, r)
	case "symbol":
		pprof.Symbol(w, r)
	case "trace":
		pprof.Trace(w, r)
	default:
		pprof.Index(w, r)
	}
}
