package encryption

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/sealed"
)

// reloadInterval is how often the file is looked at, as in Kubernetes.
const reloadInterval = time.Minute

// Options say what an [Encryption] does.
type Options struct {
	// Path is the file. Resources are the built-in ones.
	Path      string
	Resources []*api.Resource
	// Reload has the file looked at every minute while Run runs.
	Reload bool
	// Logger hears of a file that cannot be used; nil discards.
	Logger *slog.Logger
}

// An Encryption is a store that is encrypted as a file says.
type Encryption struct {
	Options
	store   *sealed.Store
	hash    [sha256.Size]byte // of the file that counts
	reloads *prometheus.CounterVec
	last    *prometheus.GaugeVec
}

// New reads the file and puts the encryption around a store. It starts nothing.
func New(inner store.Store, opts Options) (*Encryption, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	const prefix = "apiserver_encryption_config_controller_automatic_"
	e := &Encryption{
		Options: opts,
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "reloads_total", Help: "Changed files of the encryption's configuration, by whether they could be used.",
		}, []string{"status"}),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: prefix + "reload_last_timestamp_seconds", Help: "When a file was read last, in seconds since 1970, by whether it could be used.",
		}, []string{"status"}),
	}
	data, err := os.ReadFile(opts.Path)
	if err != nil {
		return nil, fmt.Errorf("encryption configuration: %w", err)
	}
	rules, err := Parse(data, opts.Resources)
	if err == nil {
		e.hash = sha256.Sum256(data)
		e.store, err = sealed.New(inner, rules, opts.Logger)
	}
	if err != nil {
		return nil, fmt.Errorf("encryption configuration %s: %w", opts.Path, err)
	}
	return e, nil
}

// Store is the encrypted store.
func (e *Encryption) Store() *sealed.Store { return e.store }

// Collectors are the figures, for apiserver.Config.
func (e *Encryption) Collectors() []prometheus.Collector {
	return []prometheus.Collector{e.reloads, e.last}
}

// Run looks at the file until ctx ends, if it is told to. A file that cannot be used
// is logged, and what was before goes on to count.
func (e *Encryption) Run(ctx context.Context) error {
	if !e.Reload {
		return nil
	}
	ticker := time.NewTicker(reloadInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			e.reload()
		}
	}
}

// reload reads the file, if it has changed.
func (e *Encryption) reload() {
	data, err := os.ReadFile(e.Path)
	hash := sha256.Sum256(data)
	if err == nil && bytes.Equal(hash[:], e.hash[:]) {
		return
	}
	var rules []sealed.Rule
	if err == nil {
		rules, err = Parse(data, e.Resources)
	}
	if err == nil {
		err = e.store.SetRules(rules)
	}
	status := "success"
	if err != nil {
		status = "failure"
		e.Logger.Error("the encryption's configuration has changed and cannot be used; the old one goes on to count", "file", e.Path, "err", err)
	} else {
		e.hash = hash
		e.Logger.Info("the encryption's configuration has changed", "file", e.Path)
	}
	e.reloads.WithLabelValues(status).Inc()
	e.last.WithLabelValues(status).SetToCurrentTime()
}
