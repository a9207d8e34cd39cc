package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"
)

// Config is what a [Server] needs. At least one of the listeners must be given.
type Config struct {
	Zone Zone
	// UDP and TCP are where questions come in. Both are closed by Run.
	UDP net.PacketConn
	TCP net.Listener
	// Upstream are the servers, as host:port, asked about names outside the
	// zone, one after the other. Without any, such names are refused.
	Upstream []string
	// Exchange sends a question upstream; by default over UDP from this
	// process' own network, and again over TCP when the answer was cut.
	Exchange func(ctx context.Context, q *dns.Msg, server string) (*dns.Msg, error)
	Logger   *slog.Logger // nil: none
}

// A Server answers questions over UDP and TCP (RFC 1035).
type Server struct {
	cfg Config
}

// NewServer returns a server that does nothing yet.
func NewServer(cfg Config) (*Server, error) {
	if cfg.UDP == nil && cfg.TCP == nil {
		return nil, errors.New("dns server: no listener")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Exchange == nil {
		cfg.Exchange = exchange
	}
	return &Server{cfg: cfg}, nil
}

// Run answers until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		if err := w.WriteMsg(s.Answer(ctx, q, maxSize(w, q))); err != nil {
			s.cfg.Logger.Debug("answer dns question", "client", w.RemoteAddr(), "error", err)
		}
	})
	for _, srv := range []*dns.Server{
		{PacketConn: s.cfg.UDP, Net: "udp", Handler: handler},
		{Listener: s.cfg.TCP, Net: "tcp", Handler: handler},
	} {
		if srv.PacketConn == nil && srv.Listener == nil {
			continue
		}
		g.Go(func() error { return serve(ctx, srv) })
	}
	return g.Wait()
}

// serve runs one server until ctx ends. Shutting down is possible only after
// it has started, so starting is waited for.
func serve(ctx context.Context, srv *dns.Server) error {
	started, ended := make(chan struct{}), make(chan error, 1)
	srv.NotifyStartedFunc = func() { close(started) }
	go func() { ended <- srv.ActivateAndServe() }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve dns over %s: %w", srv.Net, err)
	case <-started:
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve dns over %s: %w", srv.Net, err)
	case <-ctx.Done():
	}
	err := srv.Shutdown()
	<-ended
	return err
}

// Answer answers a whole message in at most size bytes. One that does not fit
// is cut, and says so, for the client to ask again over TCP.
func (s *Server) Answer(ctx context.Context, q *dns.Msg, size int) *dns.Msg {
	reply := new(dns.Msg).SetReply(q)
	if q.Opcode != dns.OpcodeQuery || len(q.Question) != 1 {
		return reply.SetRcode(q, dns.RcodeNotImplemented)
	}
	a := s.cfg.Zone.Answer(q.Question[0])
	if a.Elsewhere {
		return s.forward(ctx, q)
	}
	reply.Authoritative, reply.RecursionAvailable = true, true
	reply.Rcode, reply.Answer, reply.Extra = a.Code, a.Records, a.Extra
	s.chase(ctx, q, reply)
	if len(reply.Answer) == 0 {
		reply.Ns = []dns.RR{s.authority()}
	}
	if opt := q.IsEdns0(); opt != nil {
		reply.SetEdns0(uint16(min(size, dns.MaxMsgSize)), false)
	}
	reply.Truncate(size)
	return reply
}

// chase adds what an ExternalName stands for, as resolvers expect it.
func (s *Server) chase(ctx context.Context, q, reply *dns.Msg) {
	question := q.Question[0]
	if len(reply.Answer) != 1 || question.Qtype == dns.TypeCNAME {
		return
	}
	alias, ok := reply.Answer[0].(*dns.CNAME)
	if !ok {
		return
	}
	next := q.Copy()
	next.Question[0].Name = alias.Target
	if a := s.cfg.Zone.Answer(next.Question[0]); !a.Elsewhere {
		reply.Answer = append(reply.Answer, a.Records...)
	} else if r := s.forward(ctx, next); r.Rcode == dns.RcodeSuccess {
		reply.Answer = append(reply.Answer, r.Answer...)
	}
}

// forward asks upstream.
func (s *Server) forward(ctx context.Context, q *dns.Msg) *dns.Msg {
	for _, server := range s.cfg.Upstream {
		reply, err := s.cfg.Exchange(ctx, q, server)
		if err == nil {
			reply.Id = q.Id
			return reply
		}
		s.cfg.Logger.Debug("ask upstream dns", "server", server, "error", err)
	}
	code := dns.RcodeServerFailure
	if len(s.cfg.Upstream) == 0 {
		code = dns.RcodeRefused
	}
	return new(dns.Msg).SetRcode(q, code)
}

// authority is the record by which resolvers know how long a name may be
// remembered as missing.
func (s *Server) authority() dns.RR {
	domain := dns.Fqdn(s.cfg.Zone.Domain)
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: domain, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: TTL},
		Ns:  "ns.dns." + domain, Mbox: "hostmaster." + domain,
		Serial: 1, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: TTL,
	}
}

func exchange(ctx context.Context, q *dns.Msg, server string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	reply, err := dns.ExchangeContext(ctx, q, server)
	if err == nil && reply.Truncated {
		tcp := dns.Client{Net: "tcp"}
		reply, _, err = tcp.ExchangeContext(ctx, q, server)
	}
	return reply, err
}

// maxSize is how many bytes the client takes.
func maxSize(w dns.ResponseWriter, q *dns.Msg) int {
	if w.LocalAddr().Network() == "tcp" {
		return dns.MaxMsgSize
	}
	if opt := q.IsEdns0(); opt != nil {
		return max(int(opt.UDPSize()), dns.MinMsgSize)
	}
	return dns.MinMsgSize
}
