package etcdserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math"
	"net"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/coracle-k8s/coracle/store"
)

const (
	// maxRequest is the largest request in bytes: etcd's --max-request-bytes.
	maxRequest = 1536 << 10
	// grpcOverhead is what a message may have beyond that.
	grpcOverhead = 512 << 10
	// minPing is how often clients may ping. kube-apiserver does every 30 s.
	minPing = 5 * time.Second
	// streamWorkers is how many goroutines stay to serve requests. A new one for each
	// request would begin by growing its stack.
	streamWorkers = 256
	// streamWindow and connectionWindow are how many bytes of requests may be under
	// way. Without them gRPC would measure the connection all the time, with a ping
	// after each request.
	streamWindow, connectionWindow = 1 << 20, 4 << 20
	// memberID is what the one member is called.
	memberID = 1
	// raftTerm is the term of Raft, of which a single member needs but one.
	raftTerm = 1
)

// Options are the choices one has in [New]. The zero value is fine.
type Options struct {
	// TLS secures the connections, and checks client certificates if it says
	// so. Nil means plain text.
	TLS *tls.Config
	// ProgressInterval is how often a watch that asked for progress_notify
	// and has nothing to deliver is told the revision. Zero means ten
	// minutes, etcd's default.
	ProgressInterval time.Duration
	// LeaseFile is where leases are kept, so that a restart does not forget them. It
	// belongs to the data of the store. Empty means in memory only.
	LeaseFile string
	// ClientURLs is where clients find the server, for MemberList.
	ClientURLs []string
	// Version is the version of etcd that the server claims to be. Clients
	// decide by it what they may ask for. Zero means 3.6.0.
	Version string
	// Logger is told of requests that failed for no fault of the client. Nil
	// means silence.
	Logger *slog.Logger
}

// A Server serves a store. Make one with [New].
type Server struct {
	store  store.Store
	opts   Options
	leases *leases
	log    *slog.Logger

	buffers         pool  // of encoded replies
	plain, withPrev shelf // events without and with the value before
}

// New returns a server for s. The caller keeps s, and closes it after
// [Server.Run] has returned.
func New(s store.Store, opts Options) *Server {
	if opts.ProgressInterval == 0 {
		opts.ProgressInterval = 10 * time.Minute
	}
	if opts.Version == "" {
		opts.Version = "3.6.0"
	}
	log := opts.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{store: s, opts: opts, leases: newLeases(), log: log}
}

// Run serves the connections of l until ctx ends, closes l and returns nil when
// all requests have ended. An error says that l failed.
func (s *Server) Run(ctx context.Context, l net.Listener) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.recall(ctx); err != nil {
		return errors.Join(err, l.Close())
	}
	defer func() { err = errors.Join(err, s.leases.log.close()) }()
	server := grpc.NewServer(s.grpcOptions()...)
	server.RegisterService(kvDesc(), &kvService{Server: s})
	pb.RegisterWatchServer(server, &watchService{Server: s})
	pb.RegisterLeaseServer(server, &leaseService{Server: s})
	pb.RegisterMaintenanceServer(server, &maintenanceService{Server: s})
	pb.RegisterClusterServer(server, &clusterService{Server: s})

	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { s.expireLeases(ctx) })
	running.Go(func() {
		<-ctx.Done()
		server.Stop() // ends the contexts of requests, and waits for them
	})
	err = server.Serve(l)
	if ctx.Err() != nil || errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	cancel()
	return err
}

func (s *Server) grpcOptions() []grpc.ServerOption {
	opts := []grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(maxRequest + grpcOverhead),
		grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.MaxConcurrentStreams(math.MaxUint32),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing}),
		grpc.WaitForHandlers(true),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
	}
	if s.opts.TLS != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(s.opts.TLS)))
	}
	return opts
}

// headerNow returns the header of a reply that is about no revision.
func (s *Server) headerNow(ctx context.Context) (*pb.ResponseHeader, error) {
	revision, err := s.store.Revision(ctx)
	if err != nil {
		return nil, s.status(err)
	}
	return header(revision), nil
}
