//go:build unix

// Command app is the application of the demo: a small web server that says who
// it is, so that one sees from outside what the cluster does with it.
//
//	GET /         version, pod, node, settings and the visit count, as JSON
//	GET /healthz  200 while it is well
//	GET /burn     uses the processor for ?ms=N milliseconds, to be scaled up for
//
// It is its own client too, since its image has no other program: see client.go.
//
// It ends properly on SIGTERM: it finishes the requests it has, and for a moment
// still answers new ones, because the last of them may have been sent before
// everybody knew that it ends.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// version is set when the image is built.
var version = "dev"

// A greeting is what the application says about itself.
type greeting struct {
	Version string `json:"version"`
	Pod     string `json:"pod"`
	Node    string `json:"node"`
	// Message comes from a ConfigMap; SecretLength tells that a Secret
	// arrived, without telling what it is.
	Message      string `json:"message"`
	SecretLength int    `json:"secretLength"`
	// Visits counts the answers of all replicas: it is kept on a volume.
	Visits int64 `json:"visits"`
}

func main() {
	if len(os.Args) > 1 {
		os.Exit(client(os.Args[1:]))
	}
	if version == "v3" {
		log.Fatal("v3 has a bug: it crashes on start")
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	server := &http.Server{Addr: ":8080", Handler: routes(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	log.Printf("version %s of pod %s on node %s serves on %s", version, os.Getenv("POD_NAME"), os.Getenv("NODE_NAME"), server.Addr)

	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	log.Print("asked to end")
	time.Sleep(2 * time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := server.Shutdown(ctx)
	if serving := <-ended; !errors.Is(serving, http.ErrServerClosed) {
		err = errors.Join(err, serving)
	}
	return err
}

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		visits, err := count(os.Getenv("COUNTER_FILE"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(greeting{
			Version: version,
			Pod:     os.Getenv("POD_NAME"), Node: os.Getenv("NODE_NAME"),
			Message: os.Getenv("MESSAGE"), SecretLength: len(os.Getenv("PASSWORD")),
			Visits: visits,
		})
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /burn", burn)
	return mux
}

// count adds one to the number in the file, which all replicas share, and
// returns it. Without a file nothing is counted.
func count(path string) (int64, error) {
	if path == "" {
		return 0, nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return 0, fmt.Errorf("lock %s: %w", path, err)
	}
	var buf [32]byte
	k, _ := f.ReadAt(buf[:], 0)
	n, _ := strconv.ParseInt(strings.TrimSpace(string(buf[:k])), 10, 64)
	n++
	_, err = f.WriteAt(fmt.Appendf(nil, "%d\n", n), 0)
	return n, err
}

// burn keeps one processor busy for a while.
func burn(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.Atoi(r.URL.Query().Get("ms"))
	if err != nil || ms < 0 || ms > 10_000 {
		http.Error(w, "want ?ms=N with N from 0 to 10000", http.StatusBadRequest)
		return
	}
	rounds := 0
	for end := time.Now().Add(time.Duration(ms) * time.Millisecond); time.Now().Before(end); {
		rounds++
	}
	fmt.Fprintln(w, rounds)
}
