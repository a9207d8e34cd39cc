package apiserver

import (
	"context"
	"errors"
	"time"

	"github.com/coracle-k8s/coracle/store"
)

// compact lets the store forget history: every interval, all that was written
// before the last one. So each revision stays readable for one interval at
// least, and for two at most. kube-apiserver does this for etcd. What is more than
// [Config.MaxHistory] is forgotten sooner.
func (s *Server) compact(ctx context.Context) {
	if s.CompactInterval < 0 {
		return
	}
	tick := time.NewTicker(s.CompactInterval)
	defer tick.Stop()
	var last int64
	for {
		select {
		case <-tick.C:
			if last > 0 {
				s.forget(ctx, last)
			}
			last = s.storage.cache.applied()
		case revision := <-s.storage.cache.past.full:
			s.forget(ctx, revision)
		case <-ctx.Done():
			return
		}
	}
}

// forget lets the store forget what was before a revision.
func (s *Server) forget(ctx context.Context, revision int64) {
	err := s.storage.store.Compact(ctx, revision)
	if err != nil && !errors.Is(err, store.ErrCompacted) && ctx.Err() == nil {
		s.Logger.Warn("compact the store", "revision", revision, "err", err)
		return
	}
	s.storage.cache.past.forget(revision)
}
