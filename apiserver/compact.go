package apiserver

import (
	"context"
	"errors"
	"time"

	"github.com/coracle-k8s/coracle/store"
)

// compact lets the store forget history: every interval, all that was written
// before the last one. So each revision stays readable for one interval at
// least, and for two at most. kube-apiserver does this for etcd.
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
		case <-ctx.Done():
			return
		}
		current, err := s.storage.store.Revision(ctx)
		if err == nil && last > 0 {
			err = s.storage.store.Compact(ctx, last)
		}
		if err != nil && !errors.Is(err, store.ErrCompacted) && ctx.Err() == nil {
			s.Logger.Warn("compact the store", "revision", last, "err", err)
		}
		last = current
	}
}
