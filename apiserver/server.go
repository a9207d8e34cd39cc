package apiserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/openapi"
)

// Config says what a server is made of. Only Storage is required, but without
// an authenticator nobody is known, and without an authorizer nothing is
// allowed.
type Config struct {
	// Storage holds the objects; its resources are those that are served.
	Storage *Storage
	// Authenticators are asked in order who sent a request.
	Authenticators []Authenticator
	// Authorizer decides what they may do.
	Authorizer Authorizer
	// Limiter decides when requests may be served; nil means at once.
	Limiter Limiter
	// Hooks are the admission, in order.
	Hooks []Hook
	// Connectors serve the subresources that have code, by names such as
	// "pods/exec", and the virtual resources, such as "subjectaccessreviews".
	Connectors map[string]Connector
	// Groups are served by handlers of their own.
	Groups []Group
	// Remotes are groups that other servers serve; nil means none.
	Remotes Remotes
	// Paths are handlers for further paths outside resources, by their exact
	// path, such as "/openid/v1/jwks".
	Paths map[string]http.Handler
	// Checks are further things that the server's health depends on, Collectors
	// further figures among its metrics.
	Checks     []HealthCheck
	Collectors []prometheus.Collector
	// Auditor keeps record of requests; nil means that nobody does.
	Auditor Auditor
	// Logger gets what goes wrong. Nil discards.
	Logger *slog.Logger

	// RequestTimeout ends requests that are not streams; zero means 60 s.
	RequestTimeout time.Duration
	// ShutdownDelay is how long a server goes on serving that is told to stop, but
	// says that it is not ready; zero means not at all.
	ShutdownDelay time.Duration
	// BookmarkInterval is how often a watch that wants bookmarks gets one;
	// zero means a minute.
	BookmarkInterval time.Duration
	// CompactInterval is how long the store keeps history, at least; zero
	// means 5 minutes, less than zero forever.
	CompactInterval time.Duration
	// MaxHistory is about how many bytes of what is no more the store keeps, of
	// whatever age; zero means 32 MiB, less than zero any number. A history that is
	// kept forever has no such bound.
	MaxHistory int64
}

// A Server answers the Kubernetes REST API over a [Storage]. It is an
// http.Handler, so it can be called in memory as well as over a network: see
// [Server.Serve].
type Server struct {
	Config
	storage *Storage
	paths   map[string]http.Handler
	groups  map[schema.GroupVersion]Group
	metrics *metrics
	openapi *openapi.Documents
	zips    sync.Pool // of *gzip.Writer
	buffers sync.Pool // of *[]byte, for streams
	life    *lifetime
	open    openTrails
}

// New returns a server. It starts nothing: requests for objects wait until
// [Server.Run] is called.
func New(cfg Config) (*Server, error) {
	if cfg.Storage == nil {
		return nil, errors.New("new API server: no storage")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.RequestTimeout = cmp.Or(cfg.RequestTimeout, time.Minute)
	cfg.BookmarkInterval = cmp.Or(cfg.BookmarkInterval, time.Minute)
	cfg.CompactInterval = cmp.Or(cfg.CompactInterval, 5*time.Minute)
	cfg.Storage.cache.past.limit = max(0, cmp.Or(cfg.MaxHistory, 32<<20))
	s := &Server{
		Config: cfg, storage: cfg.Storage, groups: map[schema.GroupVersion]Group{}, life: newLifetime(cfg.ShutdownDelay),
	}
	for _, g := range cfg.Groups {
		s.groups[g.GroupVersion] = g
	}
	s.zips.New, s.buffers.New = newZip, newStreamBuffer
	s.metrics = newMetrics()
	s.openapi = openapi.New(openapi.Source{
		Resources: s.storage.resources, Discover: discoverResource, Version: majorVersion + "." + minorVersion,
	})
	s.paths = s.fixedPaths()
	if cfg.Remotes != nil {
		s.paths["/openapi/v3"] = cfg.Remotes.OpenAPIV3(s.paths["/openapi/v3"])
		s.paths["/openapi/v2"] = cfg.Remotes.OpenAPIV2(s.paths["/openapi/v2"])
	}
	for path, handler := range cfg.Paths {
		if s.paths[path] != nil {
			return nil, fmt.Errorf("new API server: path %s is the server's own", path)
		}
		s.paths[path] = handler
	}
	return s, nil
}

// Run keeps the server's cache and compacts the store until ctx ends, which
// also ends the watches under way. It goes on for [Config.ShutdownDelay] after that.
func (s *Server) Run(ctx context.Context) error { return s.life.run(ctx, s.run) }

func (s *Server) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var compactor sync.WaitGroup
	compactor.Go(func() { s.compact(ctx) })
	err := s.storage.Run(ctx)
	cancel()
	compactor.Wait()
	return err
}

// Ready is closed when the server can answer.
func (s *Server) Ready() <-chan struct{} { return s.storage.Ready() }

// Objects returns access to the stored objects that passes by all checks.
func (s *Server) Objects() Objects { return s.storage.Objects() }

// A request is one request on its way through the server.
type request struct {
	*http.Request
	server   *Server
	w        *response
	info     *RequestInfo
	user     *User
	resource *api.Resource
	format   format
	options  options
	warnings []string
	release  func() // gives back the limiter's seats
	trail    *trail // what the auditor hears; nil if nothing
	stored   state  // what this request has written, if anything
	// applied are the managers of the object's fields as an apply has
	// worked them out; nil if this is none.
	applied []metav1.ManagedFieldsEntry
}

// ServeHTTP answers one request. This is the whole path:
//
//	parse -> authenticate -> audit -> wait for a turn -> authorize -> dispatch to a verb -> answer
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{Request: r, server: s, w: &response{ResponseWriter: w}, format: format{mediaType: api.JSON}}
	defer s.metrics.begin(q, time.Now())()
	defer q.recover()
	if err := s.serve(q); err != nil {
		q.fail(err)
	}
	q.trail.end()
}

func (s *Server) serve(q *request) (err error) {
	if q.info, err = ParseRequest(q.Request); err != nil {
		return q.unheard(err)
	}
	done, err := q.limit()
	if err != nil {
		return q.unheard(err)
	}
	defer done()
	if q.user, err = s.authenticate(q.Request); err != nil {
		return q.unheard(err)
	}
	if err = q.audit(); err != nil {
		return err
	}
	if q.user, err = s.impersonate(q); err != nil {
		return err
	}
	q.Request = q.WithContext(WithUser(q.Context(), q.user))
	if !s.takeTurn(q) {
		return nil
	}
	defer func() { q.release() }()
	if err := s.authorize(q); err != nil {
		return err
	}
	return s.dispatch(q)
}

// dispatch finds who serves the path.
func (s *Server) dispatch(q *request) error {
	if remote := s.remote(q.info.GroupVersion); remote != nil {
		remote.ServeHTTP(q.w, q.Request)
		return nil
	}
	if group, ok := s.groups[q.info.GroupVersion]; ok && q.info.IsResource {
		group.Handler.ServeHTTP(q.w, q.Request)
		return nil
	}
	q.listen()
	if !q.info.IsResource {
		return s.servePath(q)
	}
	q.resource = s.storage.resources.Resource(q.info.GroupVersion.WithResource(q.info.Resource))
	if q.resource == nil || q.info.Namespace != "" && !q.resource.Namespaced && q.info.Resource != "namespaces" {
		return noSuchResource()
	}
	if q.longRunning() {
		defer s.metrics.stream(q)()
	}
	return s.serveResource(q)
}

// serveResource calls the verb's handler, for the object or for a part of it.
func (s *Server) serveResource(q *request) error {
	connector := s.Connectors[q.target()]
	switch {
	case connector != nil:
		return q.connect(connector)
	case q.resource.Virtual:
		return noSuchMethod()
	}
	if q.resource.Deprecated != "" {
		q.deprecated(q.resource.Deprecated)
	}
	v, found := viewOf(q.resource, q.info.Subresource)
	switch {
	case !found:
		return noSuchResource()
	case !v.serves(q.info.Verb) || q.Method == http.MethodHead:
		return noSuchMethod()
	}
	q.warnOfKind()
	var err error
	if q.format, err = negotiate(q.Request, q.info.Verb, q.hasFormat); err != nil {
		return err
	}
	if q.options, err = parseOptions(q.info.Verb, q.URL.Query()); err != nil {
		return err
	}
	switch q.info.Verb {
	case "get":
		return q.get(v)
	case "list":
		return q.list()
	case "watch":
		return q.watch()
	case "create":
		return q.create()
	case "update":
		return q.update(v)
	case "patch":
		return q.patch(v)
	case "delete":
		return q.delete()
	case "deletecollection":
		return q.deleteCollection()
	default:
		return noSuchMethod()
	}
}

// target names the resource, or its subresource, as in Config.Connectors.
func (q *request) target() string {
	if q.info.Subresource == "" {
		return q.info.Resource
	}
	return q.info.Resource + "/" + q.info.Subresource
}

// longRunning says whether the request is a stream, which lasts as long as its
// client likes.
func (q *request) longRunning() bool {
	switch q.info.Subresource {
	case "attach", "exec", "log", "portforward", "proxy":
		return true
	}
	return q.info.Verb == "watch"
}

// recover turns a panic into an internal error, so that one bad request does
// not take the server down.
func (q *request) recover() {
	cause := recover()
	if cause == nil {
		return
	}
	q.trail.panicked(cause)
	q.trail, q.w.trail = nil, nil
	if cause == http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
		panic(cause)
	}
	q.server.Logger.Error("a request panicked", "method", q.Method, "path", q.URL.Path,
		"panic", cause, "stack", string(debug.Stack()))
	q.fail(apierrors.NewInternalError(fmt.Errorf("this request caused a panic: %v", cause)))
}
