package apiserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// How patient a server is with its connections.
const (
	headerTimeout = 30 * time.Second
	headerSize    = 1 << 20 // bytes
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 10 * time.Second
)

// Serve answers requests from a listener until ctx ends, then stops accepting,
// lets requests under way finish for up to 10 seconds, and returns. With a TLS
// configuration it speaks TLS, and HTTP/2 to clients that can; without one,
// plain HTTP/1.1. It closes the listener. All this begins [Config.ShutdownDelay]
// after ctx ends.
//
// Watches end when [Server.Run] does, so give both the same context.
func (s *Server) Serve(ctx context.Context, listener net.Listener, tlsConfig *tls.Config) error {
	return s.life.run(ctx, func(ctx context.Context) error {
		return Serve(ctx, listener, tlsConfig, s, s.Logger)
	})
}

// Serve is [Server.Serve] for any handler, such as one that passes requests on
// to the server that there is at the moment.
func Serve(ctx context.Context, listener net.Listener, tlsConfig *tls.Config, handler http.Handler, log *slog.Logger) error {
	// Requests outlive ctx: it is Shutdown, and its patience, that ends them.
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	open := &connections{}
	server := &http.Server{
		Handler:           handler,
		ConnState:         open.note,
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    headerSize,
		IdleTimeout:       idleTimeout,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	var stopped sync.WaitGroup
	stop, stopNow := context.WithCancel(ctx)
	stopped.Go(func() {
		<-stop.Done()
		patience, done := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		var closing sync.WaitGroup
		closing.Go(func() { open.closeIdle(patience) })
		defer closing.Wait()
		defer done()
		if server.Shutdown(patience) != nil {
			cancel()
			_ = server.Close() // Shutdown has said why
		}
	})
	err := listen(server, listener, tlsConfig)
	stopNow()
	stopped.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", listener.Addr(), err)
}

func listen(server *http.Server, listener net.Listener, tlsConfig *tls.Config) error {
	if tlsConfig == nil {
		return server.Serve(listener)
	}
	server.TLSConfig = tlsConfig.Clone()
	server.TLSConfig.NextProtos = []string{"h2", "http/1.1"}
	return server.ServeTLS(listener, "", "")
}
